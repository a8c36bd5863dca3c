"""Whether heat maps point at the bleeding, how alike they are, and what sanity checks say."""
