print("nnscript")
