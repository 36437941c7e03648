"""A workbook as XML in a zip, written as its rows come: the looks, the cells, the sheets, and the parts around them."""
