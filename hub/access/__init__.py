"""Who is calling: OAuth 2 client credentials with private_key_jwt, and the tokens the hub gives out."""
