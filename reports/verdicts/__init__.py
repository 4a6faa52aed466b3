"""Every printed number beside ours."""
