"""What people read and programs receive of an event: mails in the person's language, and one body for webhooks."""
