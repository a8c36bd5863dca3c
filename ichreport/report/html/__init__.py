"""What pages are made of: tables and figures with captions, formats, colours, clean HTML."""
