"""In which form others hand pages over (`sources`), and in which form they want the text
(`writers`)."""
