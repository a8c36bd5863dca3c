"""The page of the steps beyond the poster: what each changes, brings and costs."""
