"""Takes a folder of request files to the vendor's page and brings the response files back."""
