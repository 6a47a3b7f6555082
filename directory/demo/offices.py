"""Units and functions of each kind of administration, in both languages. Pure.

Wordings are the usual ones of Maghrebi administrations; the Arabic of registries follows «مكتب الضبط».
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Office:
    """A unit with the function that leads it. `parent` is the code of the unit above, '' for the root."""

    code: str
    parent: str
    ar: str
    fr: str
    title_ar: str
    title_fr: str
    local: str
    rank: int

    @property
    def kind(self) -> str:
        """What the unit is for, alike in every administration."""
        return KINDS.get(self.code, "")

    @property
    def function(self) -> str:
        """What the post does in it: keep the registry, or lead."""
        return "registry" if self.code == REGISTRY else "head"

    @property
    def box(self) -> str:
        """The local part of the unit's functional box; "" when it has none."""
        return BOXES.get(self.code, "")


REGISTRY = "BO"
KINDS = {
    "CAB": "head",
    "APC": "head",
    "DIR": "head",
    REGISTRY: "registry",
    "SG": "secretariat",
    "DRH": "hr",
    "DAF": "finance",
    "SF": "finance",
    "INT": "finance",
    "DAJ": "legal",
    "DRAG": "legal",
    "DSI": "it",
    "IG": "inspection",
}
BOXES = {"CAB": "cabinet", "SG": "secretariat", "DRH": "ressources.humaines", "DIR": "direction"}

# fmt: off
_REGISTRY_AR, _REGISTRY_FR = "مكتب الضبط", "Bureau d'ordre"
_CLERK = ("المكلف بمكتب الضبط", "Chargé du bureau d'ordre", "bureau.ordre")

OFFICES: dict[str, tuple[Office, ...]] = {
    "ministry": (
        Office("CAB", "", "الديوان", "Cabinet", "الوزير", "Ministre", "ministre", 1),
        Office("BO", "CAB", _REGISTRY_AR, _REGISTRY_FR, *_CLERK, 60),
        Office(
            "SG", "CAB", "الأمانة العامة", "Secrétariat général",
            "الأمين العام", "Secrétaire général", "secretaire.general", 5,
        ),
        Office(
            "DRH", "SG", "مديرية الموارد البشرية", "Direction des ressources humaines",
            "مدير الموارد البشرية", "Directeur des ressources humaines", "drh", 20,
        ),
        Office(
            "DAF", "SG", "مديرية المالية والوسائل", "Direction des finances et des moyens",
            "مدير المالية والوسائل", "Directeur des finances et des moyens", "daf", 20,
        ),
        Office(
            "DAJ", "SG", "مديرية الشؤون القانونية", "Direction des affaires juridiques",
            "مدير الشؤون القانونية", "Directeur des affaires juridiques", "daj", 20,
        ),
        Office(
            "DSI", "SG", "مديرية الرقمنة والأنظمة المعلوماتية", "Direction de la numérisation et des systèmes d'information",
            "مدير الرقمنة والأنظمة المعلوماتية", "Directeur de la numérisation", "dsi", 20,
        ),
        Office(
            "IG", "CAB", "المفتشية العامة", "Inspection générale",
            "المفتش العام", "Inspecteur général", "inspection.generale", 10,
        ),
        Office(
            "DPS", "SG", "مديرية التخطيط والإحصائيات", "Direction de la planification et des statistiques",
            "مدير التخطيط والإحصائيات", "Directeur de la planification", "planification", 20,
        ),
        Office(
            "SDP", "DRH", "المديرية الفرعية للمستخدمين", "Sous-direction du personnel",
            "المدير الفرعي للمستخدمين", "Sous-directeur du personnel", "personnel", 30,
        ),
        Office(
            "SDF", "DRH", "المديرية الفرعية للتكوين", "Sous-direction de la formation",
            "المدير الفرعي للتكوين", "Sous-directeur de la formation", "formation", 30,
        ),
        Office(
            "SDB", "DAF", "المديرية الفرعية للميزانية", "Sous-direction du budget",
            "المدير الفرعي للميزانية", "Sous-directeur du budget", "budget", 30,
        ),
        Office(
            "SDA", "SG", "المديرية الفرعية للأرشيف والتوثيق", "Sous-direction des archives et de la documentation",
            "المدير الفرعي للأرشيف والتوثيق", "Sous-directeur des archives", "archives", 30,
        ),
    ),
    "wilaya": (
        Office("CAB", "", "ديوان الوالي", "Cabinet du wali", "الوالي", "Wali", "wali", 5),
        Office("BO", "CAB", _REGISTRY_AR, _REGISTRY_FR, *_CLERK, 60),
        Office(
            "SG", "CAB", "الأمانة العامة", "Secrétariat général",
            "الأمين العام للولاية", "Secrétaire général de la wilaya", "secretaire.general", 10,
        ),
        Office(
            "DRAG", "SG", "مديرية التنظيم والشؤون العامة", "Direction de la réglementation et des affaires générales",
            "مدير التنظيم والشؤون العامة", "Directeur de la réglementation", "drag", 25,
        ),
        Office(
            "DAL", "SG", "مديرية الإدارة المحلية", "Direction de l'administration locale",
            "مدير الإدارة المحلية", "Directeur de l'administration locale", "dal", 25,
        ),
        Office(
            "DE", "SG", "مديرية التربية", "Direction de l'éducation",
            "مدير التربية", "Directeur de l'éducation", "education", 25,
        ),
        Office(
            "DSP", "SG", "مديرية الصحة والسكان", "Direction de la santé et de la population",
            "مدير الصحة والسكان", "Directeur de la santé et de la population", "dsp", 25,
        ),
        Office(
            "DTP", "SG", "مديرية الأشغال العمومية", "Direction des travaux publics",
            "مدير الأشغال العمومية", "Directeur des travaux publics", "dtp", 25,
        ),
    ),
    "commune": (
        Office(
            "APC", "", "رئاسة المجلس الشعبي البلدي", "Présidence de l'assemblée populaire communale",
            "رئيس المجلس الشعبي البلدي", "Président de l'assemblée populaire communale", "president", 15,
        ),
        Office("BO", "APC", _REGISTRY_AR, _REGISTRY_FR, *_CLERK, 60),
        Office(
            "SG", "APC", "الأمانة العامة للبلدية", "Secrétariat général de la commune",
            "الأمين العام للبلدية", "Secrétaire général de la commune", "secretaire.general", 20,
        ),
        Office(
            "EC", "SG", "مصلحة الحالة المدنية", "Service de l'état civil",
            "رئيس مصلحة الحالة المدنية", "Chef du service de l'état civil", "etat.civil", 40,
        ),
        Office(
            "ST", "SG", "المصلحة التقنية", "Service technique",
            "رئيس المصلحة التقنية", "Chef du service technique", "service.technique", 40,
        ),
        Office(
            "SF", "SG", "مصلحة المالية", "Service des finances",
            "رئيس مصلحة المالية", "Chef du service des finances", "finances", 40,
        ),
    ),
    "school": (
        Office(
            "DIR", "", "إدارة المؤسسة", "Direction de l'établissement",
            "مدير المؤسسة", "Directeur de l'établissement", "directeur", 30,
        ),
        Office("BO", "DIR", _REGISTRY_AR, _REGISTRY_FR, *_CLERK, 60),
        Office("INT", "DIR", "المصالح الاقتصادية", "Intendance", "المقتصد", "Intendant", "intendance", 45),
        Office(
            "SUR", "DIR", "الحراسة العامة", "Surveillance générale",
            "المراقب العام", "Surveillant général", "surveillance", 45,
        ),
    ),
}
# fmt: on
