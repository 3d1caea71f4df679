"""The web application: pages and API of the service, rendered here, with no build step.

`doors` is the one place where it is decided who may ask for what; `site` is what all answers share;
`api` and `views` answer; `signing`, `devices` and `limits` let people in and keep others out.
"""
