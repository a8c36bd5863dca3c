"""Label files, whatever their layout, as labels by slice or by study."""
