"""What all pictures are drawn with: shapes and texts that keep apart, axes, colors, words, and the frame around."""
