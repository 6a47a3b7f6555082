"""A demonstration country: invented people in plausible administrations, all under ``.example`` (RFC 2606 §2)."""

from directory.demo.generate import DemoCountry, FeaturedPerson, Ministry, generate
from directory.demo.plan import MAX_PEOPLE, MIN_PEOPLE, Plan, plan

__all__ = ["MAX_PEOPLE", "MIN_PEOPLE", "DemoCountry", "FeaturedPerson", "Ministry", "Plan", "generate", "plan"]
