"""Pages of what a run finds in new studies: one a study, and a list of them."""
