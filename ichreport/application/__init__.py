"""A trained run goes to work: on new studies, and on the store of another hospital."""
