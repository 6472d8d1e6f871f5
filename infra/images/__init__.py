"""The stack's images: one Dockerfile, cut and hashed for each target, and what runs inside them."""
