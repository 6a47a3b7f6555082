"""Wilayas, communes, schools and ministries of the demonstration country. Pure.

The names of the 58 wilayas are public facts; communes and schools are put together from usual elements.
"""

from dataclasses import dataclass

from directory.demo.names import slug


@dataclass(frozen=True, slots=True)
class Place:
    """A name in both languages, and as it stands in a domain."""

    ar: str
    fr: str
    slug: str


def _places(text: str) -> tuple[Place, ...]:
    found = []
    for entry in text.replace("\n", " ").split(","):
        fr, _, ar = entry.strip().partition(" | ")
        found.append(Place(ar, fr, slug(fr, "-")))
    return tuple(found)


WILAYAS = _places("""
Oran | وهران, Alger | الجزائر, Constantine | قسنطينة, Annaba | عنابة, Tlemcen | تلمسان, Sétif | سطيف, Blida | البليدة,
Batna | باتنة, Béjaïa | بجاية, Tizi Ouzou | تيزي وزو, Adrar | أدرار, Chlef | الشلف, Laghouat | الأغواط,
Oum El Bouaghi | أم البواقي, Biskra | بسكرة, Béchar | بشار, Bouira | البويرة, Tamanrasset | تمنراست, Tébessa | تبسة,
Tiaret | تيارت, Djelfa | الجلفة, Jijel | جيجل, Saïda | سعيدة, Skikda | سكيكدة, Sidi Bel Abbès | سيدي بلعباس, Guelma | قالمة,
Médéa | المدية, Mostaganem | مستغانم, M'Sila | المسيلة, Mascara | معسكر, Ouargla | ورقلة, El Bayadh | البيض, Illizi | إليزي,
Bordj Bou Arréridj | برج بوعريريج, Boumerdès | بومرداس, El Tarf | الطارف, Tindouf | تندوف, Tissemsilt | تيسمسيلت,
El Oued | الوادي, Khenchela | خنشلة, Souk Ahras | سوق أهراس, Tipaza | تيبازة, Mila | ميلة, Aïn Defla | عين الدفلى,
Naâma | النعامة, Aïn Témouchent | عين تموشنت, Ghardaïa | غرداية, Relizane | غليزان, Timimoun | تيميمون,
Bordj Badji Mokhtar | برج باجي مختار, Ouled Djellal | أولاد جلال, Béni Abbès | بني عباس, In Salah | عين صالح,
In Guezzam | عين قزام, Touggourt | تقرت, Djanet | جانت, El M'Ghair | المغير, El Meniaa | المنيعة
""")

MINISTRIES = tuple(
    Place(ar, fr, code)
    for code, fr, ar in (
        ("interieur", "Ministère de l'Intérieur et des Collectivités locales", "وزارة الداخلية والجماعات المحلية"),
        ("education", "Ministère de l'Éducation nationale", "وزارة التربية الوطنية"),
        ("finances", "Ministère des Finances", "وزارة المالية"),
        ("sante", "Ministère de la Santé", "وزارة الصحة"),
        ("justice", "Ministère de la Justice", "وزارة العدل"),
        ("agriculture", "Ministère de l'Agriculture et du Développement rural", "وزارة الفلاحة والتنمية الريفية"),
        ("transports", "Ministère des Transports", "وزارة النقل"),
        ("energie", "Ministère de l'Énergie et des Mines", "وزارة الطاقة والمناجم"),
        ("habitat", "Ministère de l'Habitat, de l'Urbanisme et de la Ville", "وزارة السكن والعمران والمدينة"),
        ("travail", "Ministère du Travail et de la Sécurité sociale", "وزارة العمل والضمان الاجتماعي"),
        ("culture", "Ministère de la Culture et des Arts", "وزارة الثقافة والفنون"),
        ("enseignement-superieur", "Ministère de l'Enseignement supérieur", "وزارة التعليم العالي"),
    )
)

_COMMUNE_HEADS = _places("""
Aïn | عين, Oued | وادي, Sidi | سيدي, Ouled | أولاد, Béni | بني, Hassi | حاسي, Bordj | برج, Hammam | حمام, Bir | بئر
""")
_COMMUNE_TAILS = _places("""
El Kebira | الكبيرة, Aïssa | عيسى, Ali | علي, Slimane | سليمان, Yahia | يحيى, Khelifa | خليفة, Amar | عمار, Brahim | إبراهيم,
Mansour | منصور, Moussa | موسى, Hamla | حملة, Zitoun | الزيتون, Nekhla | النخلة, Hadjar | الحجر, Rached | راشد, Saïd | سعيد,
Daoud | داود, Ameur | عامر, Mimoun | ميمون, Chaabane | شعبان
""")
COMMUNES = tuple(
    Place(f"{head.ar} {tail.ar}", f"{head.fr} {tail.fr}", f"{head.slug}-{tail.slug}") for tail in _COMMUNE_TAILS for head in _COMMUNE_HEADS
)

_SCHOOL_KINDS = (
    Place("ثانوية", "Lycée", "lycee"),
    Place("متوسطة", "Collège", "college"),
    Place("ابتدائية", "École primaire", "ecole"),
)
_SCHOOL_NAMES = _places("""
Émir Abdelkader | الأمير عبد القادر, Ibn Khaldoun | ابن خلدون, Ibn Sina | ابن سينا, Larbi Ben M'hidi | العربي بن مهيدي,
Lalla Fatma N'Soumer | لالة فاطمة نسومر, Cheikh Ben Badis | الشيخ بن باديس, Malek Bennabi | مالك بن نبي, El Khawarizmi | الخوارزمي,
Moufdi Zakaria | مفدي زكريا, Hassiba Ben Bouali | حسيبة بن بوعلي, Ibn Rochd | ابن رشد, El Feth | الفتح, El Amel | الأمل,
Colonel Lotfi | العقيد لطفي, Didouche Mourad | ديدوش مراد, Mohamed Dib | محمد ديب
""")
SCHOOLS = tuple(
    Place(f"{kind.ar} {name.ar}", f"{kind.fr} {name.fr}", f"{kind.slug}-{name.slug}") for name in _SCHOOL_NAMES for kind in _SCHOOL_KINDS
)
