"""Names of invented people, in Arabic and as civil registers write them in French. Pure.

Both spellings are attested usage, not a transliteration of each other.
"""

import random
from dataclasses import dataclass

from directory.names import fold

_MEN = """
Mohamed محمد, Ahmed أحمد, Karim كريم, Yacine ياسين, Sofiane سفيان, Abdelkader عبد القادر, Omar عمر, Ali علي,
Rachid رشيد, Samir سمير, Nabil نبيل, Kamel كمال, Djamel جمال, Mourad مراد, Farid فريد, Hocine حسين, Hassan حسن,
Brahim إبراهيم, Ismail إسماعيل, Youcef يوسف, Moussa موسى, Tahar طاهر, Salah صلاح, Abderrahmane عبد الرحمن,
Abdelaziz عبد العزيز, Noureddine نور الدين, Salim سليم, Toufik توفيق, Walid وليد, Bilal بلال, Amine أمين,
Riad رياض, Adel عادل, Hakim حكيم, Mustapha مصطفى, Slimane سليمان, Lakhdar لخضر, Larbi العربي, Messaoud مسعود,
Ramdane رمضان, Zoubir زبير, Anis أنيس, Fouad فؤاد, Hicham هشام, Ilyes إلياس, Khaled خالد, Mounir منير,
Nassim نسيم, Oussama أسامة, Redouane رضوان, Said سعيد, Tarek طارق, Zakaria زكريا, Idir إيدير, Aghiles أغيلاس,
Boualem بوعلام, Chérif شريف, Fethi فتحي, Ghani غاني, Houari هواري, Lotfi لطفي, Malik مالك, Rafik رفيق, Smaïl سماعيل
"""
_WOMEN = """
Fatima فاطمة, Amina أمينة, Khadidja خديجة, Aïcha عائشة, Meriem مريم, Yasmine ياسمين, Nadia نادية, Samira سميرة,
Leïla ليلى, Houria حورية, Malika مليكة, Zineb زينب, Naïma نعيمة, Salima سليمة, Karima كريمة, Farida فريدة,
Rachida رشيدة, Djamila جميلة, Sabrina صبرينة, Imane إيمان, Asma أسماء, Ikram إكرام, Sarah سارة, Nour نور,
Hanane حنان, Wassila وسيلة, Lamia لمياء, Soraya ثريا, Nassima نسيمة, Dalila دليلة, Fadila فضيلة, Ghania غنية,
Hayat حياة, Kenza كنزة, Lynda ليندة, Manel منال, Nabila نبيلة, Ouarda وردة, Radia راضية, Safia صفية, Thiziri تيزيري,
Yamina يمينة, Zahra زهرة, Zohra زهرة, Chaïma شيماء, Dounia دنيا, Feriel فريال, Hadjer هاجر, Ines إيناس, Lilia ليليا,
Maroua مروة, Nawel نوال, Rym ريم, Selma سلمى, Wafa وفاء, Amel آمال, Baya باية, Cherifa شريفة, Dihia ديهية, Sihem سهام
"""
_FAMILIES = """
Benali بن علي, Khelifi خليفي, Bouzid بوزيد, Hamidi حميدي, Saadi سعدي, Mansouri منصوري, Brahimi براهيمي, Belkacem بلقاسم,
Haddad حداد, Meziane مزيان, Cherif شريف, Amrani عمراني, Toumi تومي, Rahmani رحماني, Zerrouki زروقي, Bensalem بن سالم,
Ferhat فرحات, Guerfi قرفي, Hadj Ali حاج علي, Kaci قاسي, Lounis لونيس, Mokrani مقراني, Nacer ناصر,
Ouali والي, Rezki رزقي, Slimani سليماني, Yahiaoui يحياوي, Zidane زيدان, Abdelli عبدلي, Achour عاشور,
Aït Ahmed آيت أحمد, Allouache علواش, Arezki أرزقي, Bahloul بهلول, Belaïd بلعيد, Belhadj بلحاج, Benabdallah بن عبد الله,
Bencheikh بن الشيخ, Benmoussa بن موسى, Bensaïd بن سعيد, Benyahia بن يحيى, Berrahal برحال, Boukhari بوخاري,
Bouras بوراس, Boussaïd بوسعيد, Chabane شعبان, Chaoui شاوي, Daoud داود, Derradji دراجي, Djaballah جاب الله,
Djebbar جبار, Fares فارس, Fellah فلاح, Gherbi غربي, Ghozali غزالي, Guendouz قندوز, Hachemi هاشمي, Hamdi حمدي, Hamza حمزة,
Harbi حربي, Hocini حسيني, Ibrahimi إبراهيمي, Kaddour قدور, Kadri قادري, Kebir كبير, Khaldi خالدي, Khaled خالد, Laïb لعيب,
Laouar لعور, Larbi العربي, Maamar معمر, Madani مدني, Mahdi مهدي, Makhlouf مخلوف, Maouche معوش, Mebarki مباركي,
Medjahed مجاهد, Mekki مكي, Merabet مرابط, Messaoudi مسعودي, Mezaache معزاش, Mihoubi ميهوبي, Mokhtari مختاري, Moulay مولاي,
Nasri نصري, Othmani عثماني, Rabhi رابحي, Rahal رحال, Reguieg رقيق, Saïdi سعيدي, Sahraoui صحراوي,
Salhi صالحي, Sebaa سبع, Selmi سلمي, Si Ahmed سي أحمد, Tahri طاهري, Taleb طالب, Tayeb طيب, Touati تواتي, Yacoubi يعقوبي,
Yousfi يوسفي, Zaïdi زايدي, Zenati زناتي, Ziani زياني, Zitouni زيتوني, Chikhi شيخي, Cheriet شريط, Ghodbane غضبان
"""


@dataclass(frozen=True, slots=True)
class Name:
    """One name in both scripts. `slug` stands in addresses."""

    ar: str
    fr: str
    slug: str


def slug(text: str, joint: str = "") -> str:
    """Return a French text as letters and digits of ASCII, words joined by `joint`."""
    kept = "".join(c if c.isascii() and c.isalnum() else " " for c in fold(text.replace("'", joint and " ")))
    return joint.join(kept.split())


def _names(text: str) -> tuple[Name, ...]:
    found = []
    for entry in text.replace("\n", " ").split(","):
        pieces = entry.split()
        arabic = [piece for piece in pieces if not piece[0].isascii() and piece[0] >= "\u0600"]
        fr, ar = " ".join(piece for piece in pieces if piece not in arabic), " ".join(arabic)
        found.append(Name(ar, fr, slug(fr)))
    return tuple(found)


MEN, WOMEN, FAMILIES = _names(_MEN), _names(_WOMEN), _names(_FAMILIES)


def draw(rng: random.Random) -> tuple[Name, Name]:
    """Return a first name and a family name."""
    return rng.choice(MEN if rng.random() < 0.55 else WOMEN), rng.choice(FAMILIES)
