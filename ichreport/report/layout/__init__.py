"""The frame of every page: head, navigation, style, scripts."""
