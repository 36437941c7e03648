"""What programs read of calls beside the usage rows: dial-outs by organizer, blocked users, attempts on trunks."""
