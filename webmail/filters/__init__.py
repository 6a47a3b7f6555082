"""The pages of the filters: rules as people understand them, the absence notice, and the script itself."""
