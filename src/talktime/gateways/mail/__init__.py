"""Mails, handed to a server or written into a folder."""
