"""What a threshold decides: rates, alarms, and how far they are known."""
