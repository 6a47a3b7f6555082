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
}
