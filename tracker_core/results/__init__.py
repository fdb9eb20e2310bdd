"""What tracking gives: runs that know where they come from, the loop that makes them, and their files."""
