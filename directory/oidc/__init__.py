"""OpenID Connect: other platforms of the state learn here who somebody is, and mail clients get tokens instead of passwords."""
