"""From runs to pages: records, tables, figures and the site."""

from ichreport.importing import without_garbage_collection

with without_garbage_collection():  # what all of its modules rest on
    import matplotlib.figure as _figure
    import pandas as _pandas
    import sklearn.metrics as _metrics

del _figure, _metrics, _pandas
