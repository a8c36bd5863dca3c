try {
  const scheme = localStorage.getItem("ichreport-scheme");
  if (scheme === "dark" || scheme === "light") document.documentElement.dataset.scheme = scheme;
} catch { /* a browser may refuse storage to files */ }
