"""The pipelines of all methods, drawn in one grammar: what they are (flows), how a mark looks (glyphs) and what it means (legend)."""
