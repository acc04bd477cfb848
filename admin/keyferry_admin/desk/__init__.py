"""The desk in the browser: what the command line shows of licenses, as pages on 127.0.0.1."""
