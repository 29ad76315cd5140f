"""Pretrained weights: from a manifest's row to a verified file to the variables of a model.

`source` finds the file, `cache` keeps it, `reader` takes it apart, `fill` puts it into a model and
reports; `local` is for a file that the user names. Only `fill` needs Keras.
"""
