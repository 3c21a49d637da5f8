"""A holder's dossier 人生档案: his licences by stage of life, one laid open, what is missing, what ends soon."""
