"""By which words and signs a request shows that it says who, what was tried, by when, what kind of help, how many, and in which

language. Beginnings of words in the six languages (`_`: a space), ours, made from reading requests and practices; looked up in
case-folded text. They are to spare people a question, no more: a fact that is missed is asked for, and may be left out.
"""

import re
from collections.abc import Mapping

_WHO = """migrant worker refugee child children women girl minor nationals diaspora family families student victim
 returnee household fisher seafarer nurse domestic displaced asylum community communities population
 migrante trabajador refugiad niñ mujer menor ciudadan diáspora familia estudiante víctima retornad hogar solicitante
 migrant travailleu réfugié enfant femme mineur ressortissant diaspora famille étudiant victime ménage demandeur
 мигрант работник трудящ беженц дети детей детям женщин граждан диаспор семь студент жертв вернувш
 移民 工人 难民 儿童 妇女 未成年 国民 侨民 家庭 学生 受害者 劳工 移徙
 مهاجر عامل عمال لاجئ طفل أطفال نساء امرأة قاصر مواطن مغترب أسر عائل طلاب ضحايا عائد"""
_TRIED = """already tried so_far until_now piloted pilot existing currently previous adopted introduced established
 since has_been have_been began begun launched
 ya_ hemos intentad hasta_ahora piloto actualmente existente anterior adoptad establec desde
 déjà essayé tenté jusqu'à_présent pilote actuellement existant adopté établi depuis
 уже попыт пробова до_сих_пор пилот сейчас существу принят введен с_тех_пор
 已 曾 试点 目前 现有 此前 至今 实施了
 بالفعل حاول جرب حتى_الآن تجريب حاليا القائم سابق اعتمد أنشأ منذ"""
_WHEN = """deadline by_the_end before_the_end within month week urgent next_year this_year quarter
 january february march april june july august september october november december
 plazo antes_de fin semana urgente próximo_año trimestre mes_ meses enero febrero marzo abril mayo_ junio julio agosto septiembre
 octubre noviembre diciembre
 délai avant_la_fin semaine urgent année_prochaine trimestre mois janvier février mars avril juin juillet août septembre
 octobre novembre décembre
 срок до_конца недел срочн следующ_году квартал месяц январ феврал март апрел июн июл август сентябр октябр ноябр декабр
 期限 之前 年底 周 紧急 明年 今年 季度 月
 موعد قبل_نهاية أسبوع عاجل العام_المقبل هذا_العام شهر يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"""
_HELP = """advice advise training train expert exchange visit example guidance review draft template assessment workshop
 funding technical mission
 asesor capacita formación expert intercambio visita ejemplo orientación revis plantilla evaluación taller financia técnic
 conseil formation former expert échange visite exemple orientation relire modèle évaluation atelier financ technique
 консульт совет обучен эксперт обмен визит пример рекоменд провер шаблон оценк семинар финанс техническ
 咨询 建议 培训 专家 交流 访问 范例 指导 审查 模板 评估 研讨 资金 技术
 مشورة استشار تدريب خبير خبراء تبادل زيارة أمثلة إرشاد مراجعة نموذج تقييم ورشة تمويل فني تقني"""
_SCALE = """thousand million hundred percent per_cent dozens
 miles millon millón cientos por_ciento
 millier mille million centaine pour_cent
 тысяч миллион сотн процент
 万 千 百 亿 百分
 آلاف ألف مليون مئات مئة بالمئة في_المائة"""
_ANSWER_LANGUAGE = """in_english in_french in_spanish in_arabic in_russian in_chinese
 en_inglés en_español en_francés en_árabe en_ruso en_chino
 en_anglais en_français en_espagnol en_arabe en_russe en_chinois
 на_английском на_русском на_французском на_испанском на_арабском на_китайском
 用英语 用中文 用法语 以英文 以中文
 بالإنجليزية بالعربية بالفرنسية بالإسبانية بالروسية بالصينية"""
LONGEST_WHOLE = 3
"""A word as short as this is looked up whole: too many others begin with it."""
_HAN = re.compile(r"[\u3400-\u9fff]")


def _pattern(listed: str, *signs: str) -> re.Pattern[str]:
    """Finds a word that begins like one of those listed (Chinese: anywhere), or one of the signs."""
    begun = [one.replace("_", " ") for one in listed.casefold().split()]
    whole = {one for one in begun if len(one) <= LONGEST_WHOLE}
    spaced = sorted({re.escape(one) + (r"(?!\w)" if one in whole else "") for one in begun if not _HAN.search(one)})
    joined = sorted({one for one in begun if _HAN.search(one)})
    # An Arabic word may have the article and one-letter particles before it.
    parts = [rf"(?<!\w)(?:[وفبلك]?(?:ال)?)?(?:{'|'.join(spaced)})", *map(re.escape, joined), *signs]
    return re.compile("|".join(parts))


FACTS: Mapping[str, re.Pattern[str]] = {
    "who": _pattern(_WHO),
    "tried": _pattern(_TRIED),
    "by_when": _pattern(_WHEN, r"(?<!\d)20[2-9]\d(?!\d)", r"(?<!\d)\d{1,2}[./]\d{1,2}[./]\d{2,4}"),
    "help": _pattern(_HELP),
    "scale": _pattern(
        _SCALE,
        r"\d\s?%",
        r"(?<![\d./])(?!(?:19|20)\d\d(?!\d))\d{2,}(?![\d./])",
        r"(?<!\d)\d{1,3}(?:[.,\s]\d{3})+(?!\d)",
    ),
    "answer_language": _pattern(_ANSWER_LANGUAGE),
}
"""Fact -> what shows that a text says it, in the order in which they are asked for."""
