"""Why a signature is good, bad or open: the codes of ETSI EN 319 102-1 §5.1.3 and plain words in three languages, pure.

A reason is finer than its code where a reader must do something different: a certificate for another address and one
that is not for mail are both CHAIN_CONSTRAINTS_FAILURE.
"""

from dataclasses import dataclass
from typing import Literal

Status = Literal["valid", "invalid", "undecided"]
VALID: Status = "valid"
INVALID: Status = "invalid"
UNDECIDED: Status = "undecided"


@dataclass(frozen=True, slots=True)
class Words:
    """What to tell the reader: what was found, and what to do."""

    found: str
    action: str


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    status: Status
    ar: Words
    fr: Words
    en: Words

    def words(self, language: str) -> Words:
        """Return the words in `ar`, `fr` or `en`; English for any other language."""
        return {"ar": self.ar, "fr": self.fr}.get(language, self.en)


REASONS: dict[str, Reason] = {
    "good": Reason(
        "TOTAL_PASSED",
        VALID,
        Words("التوقيع صحيح، ولم يتغيّر النص منذ توقيعه.", "لا يلزم أي إجراء."),
        Words("La signature est valable et le texte n'a pas changé depuis.", "Rien à faire."),
        Words("The signature is good and the text has not changed since.", "Nothing to do."),
    ),
    "changed": Reason(
        "HASH_FAILURE",
        INVALID,
        Words("تغيّر النص بعد توقيعه.", "لا تعتمد عليه، واطلب إرساله من جديد."),
        Words("Le texte a été modifié après la signature.", "Ne pas l'utiliser ; demander un nouvel envoi."),
        Words("The text was changed after signing.", "Do not use it; ask for it again."),
    ),
    "forged": Reason(
        "SIG_CRYPTO_FAILURE",
        INVALID,
        Words("التوقيع نفسه تالف أو مزوّر.", "لا تعتمد عليه، وأبلغ المسؤول عن الأمن."),
        Words("La signature elle-même est altérée ou fausse.", "Ne pas l'utiliser ; le signaler."),
        Words("The signature itself is broken or forged.", "Do not use it; report it."),
    ),
    "damaged": Reason(
        "FORMAT_FAILURE",
        INVALID,
        Words("التوقيع تالف ولا يمكن قراءته.", "اطلب إرسال الرسالة من جديد."),
        Words("La signature est endommagée et illisible.", "Demander un nouvel envoi."),
        Words("The signature is damaged and cannot be read.", "Ask for it again."),
    ),
    "several_signers": Reason(
        "SIG_CONSTRAINTS_FAILURE",
        UNDECIDED,
        Words("لا تحمل الرسالة توقيعًا واحدًا بعينه.", "اطلب من المرسل رسالة بتوقيع واحد."),
        Words("Le message ne porte pas exactement une signature.", "Demander un message signé une seule fois."),
        Words("The message does not carry exactly one signature.", "Ask the sender for a message signed once."),
    ),
    "signed_in_future": Reason(
        "SIG_CONSTRAINTS_FAILURE",
        UNDECIDED,
        Words("تاريخ التوقيع المذكور لم يحِن بعد.", "تحقّق من الساعة، واسأل المرسل."),
        Words("La date de signature indiquée est dans le futur.", "Vérifier l'horloge ; interroger l'expéditeur."),
        Words("The stated time of signing has not come yet.", "Check the clock; ask the sender."),
    ),
    "stamped_before": Reason(
        "TIMESTAMP_ORDER_FAILURE",
        UNDECIDED,
        Words("خُتم التوقيع زمنيًّا قبل تاريخ التوقيع المذكور.", "لا تعتمد على التاريخ، وأبلغ المسؤول عن الأمن."),
        Words("L'horodatage précède la date de signature indiquée.", "Ne pas se fier à la date ; le signaler."),
        Words("The time stamp is older than the stated time of signing.", "Do not rely on the date; report it."),
    ),
    "weak": Reason(
        "CRYPTO_CONSTRAINTS_FAILURE",
        UNDECIDED,
        Words("وُقّع بطريقة لم تعد تُعدّ آمنة.", "اطلب توقيعًا جديدًا."),
        Words("Signé par un procédé qui n'est plus jugé sûr.", "Demander une nouvelle signature."),
        Words("Signed with a method that is not held safe.", "Ask for a new signature."),
    ),
    "no_certificate": Reason(
        "NO_SIGNING_CERTIFICATE_FOUND",
        UNDECIDED,
        Words("شهادة الموقّع غير موجودة.", "اطلب من المرسل إرفاقها."),
        Words("Le certificat du signataire manque.", "Demander à l'expéditeur de le joindre."),
        Words("The signer's certificate is missing.", "Ask the sender to send it."),
    ),
    "unknown_issuer": Reason(
        "NO_CERTIFICATE_CHAIN_FOUND",
        UNDECIDED,
        Words("الجهة التي أصدرت الشهادة غير معروفة أو غير موثوقة هنا.", "عامِل الرسالة كأنها غير موقّعة."),
        Words("L'émetteur du certificat n'est pas connu ou reconnu ici.", "Considérer le message comme non signé."),
        Words("The issuer is not known or not trusted here.", "Treat the message as unsigned."),
    ),
    "issuer_not_fit": Reason(
        "CERTIFICATE_CHAIN_GENERAL_FAILURE",
        UNDECIDED,
        Words("تعذّر التحقّق الكامل من الجهة المصدرة.", "أبلغ مكتب الشهادات."),
        Words("L'émetteur n'a pas pu être vérifié entièrement.", "Le signaler au bureau des certificats."),
        Words("The issuer could not be checked fully.", "Tell the certificate office."),
    ),
    "outside_domain": Reason(
        "CERTIFICATE_CHAIN_GENERAL_FAILURE",
        UNDECIDED,
        Words("لا يحقّ للجهة المصدرة أن تصدر شهادة لهذا العنوان.", "أبلغ مكتب الشهادات."),
        Words("L'émetteur n'a pas le droit de certifier cette adresse.", "Le signaler au bureau des certificats."),
        Words("The issuer may not certify this address.", "Tell the certificate office."),
    ),
    "not_for_mail": Reason(
        "CHAIN_CONSTRAINTS_FAILURE",
        UNDECIDED,
        Words("الشهادة ليست مخصّصة لتوقيع البريد.", "اطلب من المرسل شهادة مناسبة."),
        Words("Le certificat n'est pas fait pour signer du courrier.", "Demander un certificat qui convient."),
        Words("The certificate is not meant for signing mail.", "Ask the sender for a proper certificate."),
    ),
    "other_address": Reason(
        "CHAIN_CONSTRAINTS_FAILURE",
        INVALID,
        Words("وقّع هذه الرسالةَ غيرُ صاحب عنوان المرسل.", "لا تعتمد عليها، واسأل المرسل بوسيلة أخرى."),
        Words("Le signataire n'est pas le titulaire de l'adresse de l'expéditeur.", "Interroger l'expéditeur autrement."),
        Words("The signer is not the holder of the sender's address.", "Ask the sender by another way."),
    ),
    "signed_after_expiry": Reason(
        "EXPIRED",
        INVALID,
        Words("وُقّعت بعد انتهاء صلاحية الشهادة.", "اطلب توقيعًا جديدًا."),
        Words("Signé après l'expiration du certificat.", "Demander une nouvelle signature."),
        Words("Signed after the certificate had run out.", "Ask for a new signature."),
    ),
    "signed_too_early": Reason(
        "NOT_YET_VALID",
        INVALID,
        Words("وُقّعت قبل بدء صلاحية الشهادة.", "أبلغ مكتب الشهادات."),
        Words("Signé avant le début de validité du certificat.", "Le signaler au bureau des certificats."),
        Words("Signed before the certificate began.", "Tell the certificate office."),
    ),
    "expired_since": Reason(
        "OUT_OF_BOUNDS_NO_POE",
        UNDECIDED,
        Words("انتهت صلاحية الشهادة، ولا دليل على أنها كانت صالحة عند التوقيع.", "اسأل مكتب الضبط."),
        Words("Certificat expiré ; rien ne prouve qu'il valait à la signature.", "Interroger le bureau d'ordre."),
        Words("The certificate has run out; no proof it was valid when signed.", "Ask the registry."),
    ),
    "expired_unblocked": Reason(
        "OUT_OF_BOUNDS_NOT_REVOKED",
        UNDECIDED,
        Words("انتهت صلاحية الشهادة ولم تُلغَ، ولا دليل على وقت التوقيع.", "يعود القرار إلى الرئيس المباشر."),
        Words("Certificat expiré, jamais révoqué ; la date de signature n'est pas prouvée.", "Le supérieur décide."),
        Words("The certificate has run out and was not blocked; nothing proves when it was signed.", "Your superior decides."),
    ),
    "not_yet_valid": Reason(
        "NOT_YET_VALID",
        INVALID,
        Words("لم تبدأ صلاحية الشهادة بعد.", "تحقّق من الساعة، وأبلغ مكتب الشهادات."),
        Words("La validité du certificat n'a pas commencé.", "Vérifier l'horloge ; le signaler au bureau des certificats."),
        Words("The certificate is not valid yet.", "Check the clock; tell the certificate office."),
    ),
    "revoked": Reason(
        "REVOKED",
        INVALID,
        Words("كانت الشهادة ملغاة عند التوقيع.", "لا تعتمد عليه، وأبلغ المسؤول عن الأمن."),
        Words("Le certificat était révoqué lors de la signature.", "Ne pas l'utiliser ; le signaler."),
        Words("The certificate had been blocked when this was signed.", "Do not use it; report it."),
    ),
    "revoked_since": Reason(
        "REVOKED_NO_POE",
        UNDECIDED,
        Words("الشهادة ملغاة الآن، ولا دليل على أن التوقيع سبق ذلك.", "اسأل الموقّع بوسيلة أخرى."),
        Words("Certificat révoqué ; rien ne prouve que la signature est antérieure.", "Interroger le signataire autrement."),
        Words("The certificate is blocked now; no proof that it was signed before.", "Ask the signer by another way."),
    ),
    "issuer_revoked": Reason(
        "REVOKED_CA_NO_POE",
        UNDECIDED,
        Words("أُلغيت شهادة الجهة المصدرة نفسها.", "أبلغ مكتب الشهادات."),
        Words("Le certificat de l'émetteur lui-même est révoqué.", "Le signaler au bureau des certificats."),
        Words("The issuing office itself was blocked.", "Tell the certificate office."),
    ),
    "suspended": Reason(
        "TRY_LATER",
        UNDECIDED,
        Words("الشهادة معلّقة في الوقت الحالي.", "يُعاد التحقّق عند فتح الرسالة، واسأل الموقّع بوسيلة أخرى."),
        Words("Le certificat est suspendu pour le moment.", "Vérifié de nouveau à chaque ouverture ; interroger le signataire."),
        Words("The certificate is suspended for the time being.", "Checked again whenever you open this; ask the signer."),
    ),
    "revocation_unknown": Reason(
        "CERTIFICATE_CHAIN_GENERAL_FAILURE",
        UNDECIDED,
        Words("تعذّر الحصول على قائمة الشهادات الملغاة.", "يُعاد التحقّق عند فتح الرسالة من جديد."),
        Words("La liste des certificats révoqués n'a pas pu être obtenue.", "Rouvrir plus tard : la vérification sera refaite."),
        Words("The list of blocked certificates could not be had.", "Open this again later: it is checked anew."),
    ),
    "revocation_stale": Reason(
        "TRY_LATER",
        UNDECIDED,
        Words("قائمة الشهادات الملغاة قديمة، ولم تصدر الجديدة بعد.", "يُعاد التحقّق عند فتح الرسالة من جديد."),
        Words("La liste des certificats révoqués est périmée ; la suivante se fait attendre.", "Rouvrir plus tard."),
        Words("The list of blocked certificates is out of date; a fresh one is not out yet.", "Open this again later."),
    ),
    "nothing_signed": Reason(
        "SIGNED_DATA_NOT_FOUND",
        UNDECIDED,
        Words("النص الموقَّع غير موجود هنا.", "اطلب الرسالة كاملة."),
        Words("Le texte signé n'est pas ici.", "Demander le message complet."),
        Words("The signed text is not here.", "Ask for the whole message."),
    ),
    "too_costly": Reason(
        "GENERIC",
        UNDECIDED,
        Words("تجاوز التحقّق الحدود المسموح بها.", "أبلغ مكتب الشهادات."),
        Words("La vérification dépasse les limites permises.", "Le signaler au bureau des certificats."),
        Words("Checking this goes beyond the limits.", "Tell the certificate office."),
    ),
    "busy": Reason(
        "TRY_LATER",
        UNDECIDED,
        Words("يجري التحقّق من توقيعات كثيرة الآن.", "أعد فتح الرسالة بعد لحظات."),
        Words("Trop de signatures sont en cours de vérification.", "Rouvrir dans un instant."),
        Words("Too many signatures are being checked now.", "Open this again in a moment."),
    ),
}
