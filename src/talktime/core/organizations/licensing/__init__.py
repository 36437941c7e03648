"""What people may use: the licenses, what each needs and brings, and who may have which."""
