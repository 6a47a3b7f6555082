"""OpenID Connect over HTTP: endpoints for platforms, pages for people, and signing in here with another provider."""
