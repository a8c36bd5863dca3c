"""From runs to pages: records, tables, figures and the site."""
