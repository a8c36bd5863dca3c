"""The slice viewer: whole series in HU inside a page."""
