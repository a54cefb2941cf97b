"""My data: what is here, a copy of it, what is not right, and erasing."""
