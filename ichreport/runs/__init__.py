"""What is known of runs, for whoever shows or exports them."""
