"""What the report contains: every table and figure, declared once. Rules, scripts and the page are made from it."""
