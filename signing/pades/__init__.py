"""Signatures in PDF files (PAdES): written as appended revisions, checked revision by revision."""
