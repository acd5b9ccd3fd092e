"""What finds: a picture becomes ink, ink becomes lines of pieces, pieces become candidates for
characters."""
