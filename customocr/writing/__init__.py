"""What writes: pen strokes become glyphs, glyphs become lines, lines become pages."""
