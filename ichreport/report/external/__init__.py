"""The page of other hospitals: how runs do there, from the records of their evaluations."""
