// While this line is open, the window is. The server ends a minute after the last tab was closed.
new EventSource('/alive');
