"""Where there is fluid around and within the brain: ventricles, cisterns, sulci."""
