"""What a person reads at the cabinet, in English and Chinese. Every key exists in both."""

from __future__ import annotations

from cabinet.policy.rights import Language

_ENGLISH = {
    "idle": "Hold your card to the reader,\nor type your number and #",
    "digits": "{dots}",
    "unknown_card": "This card is not known.\nAsk a custodian to enrol it.",
    "person_suspended": "Your access is suspended.\nA custodian can help.",
    "person_not_yet_active": "Your access has not begun yet.\nA custodian can help.",
    "person_expired": "Your access has ended.\nA custodian can help.",
    "clock_untrusted": "The cabinet's clock is not set,\nso timed rights are closed.\nA custodian can confirm it.",
    "no_right": "You have no right to this.\nA custodian can grant one.",
    "nothing": "Nothing here is released to you.\nTo return: seat the fob in its slot.",
    "outside_schedule": "Not at this time.\nOpen: {window}",
    "factor_missing": "This needs another way to identify.\nTry card and PIN; a custodian sets PINs.",
    "allowance_used": "You have as many as you may.\nBring one back first.",
    "overdue_first": "First bring back what is overdue.",
    "item_out": "{item} is out already.",
    "no_item": "No item hangs in slot {slot}.",
    "no_slot": "There is no such slot.",
    "enter_pin": "PIN, then #",
    "checking": "Checking …",
    "wrong_pin": "Number or PIN is wrong.",
    "locked_out": "Too many wrong tries.\nAgain in {wait_s} s. Cards still work.",
    "disabled": "This PIN is blocked.\nA custodian sets a new one.",
    "choose": "Slot number, then #\n{slots}",
    "approve": "{item} needs {count} more to approve.\nWho approves: hold your card,\nor type your number and #",
    "may_not_approve": "You may not approve this.\nSomebody else has to.",
    "take": "Slot {slot} is open:\ntake {item}.",
    "take_due": "Slot {slot} is open:\ntake {item}.\nDue back {due}",
    "taken": "{item} taken.",
    "taken_due": "{item} taken.\nDue back {due}",
    "returned": "{item} is back. Thank you.",
    "not_taken": "Slot {slot} is locked again.",
    "bolt_failed": "Slot {slot} could not be opened.\nTry again, or call service.",
    "not_recorded": "The cabinet cannot record just now.\nNothing is released. Try again soon.",
    "goodbye": "Goodbye.",
    "the_item": "the item",
}
_CHINESE = {
    "idle": "请刷卡，\n或输入工号并按 #",
    "digits": "{dots}",
    "unknown_card": "此卡未登记。\n请找管理员登记。",
    "person_suspended": "您的权限已暂停。\n请联系管理员。",
    "person_not_yet_active": "您的权限尚未生效。\n请联系管理员。",
    "person_expired": "您的权限已到期。\n请联系管理员。",
    "clock_untrusted": "钥匙柜时间未校准，\n限时权限暂停使用。\n请管理员确认时间。",
    "no_right": "您没有此权限。\n请找管理员授权。",
    "nothing": "暂无可供您领取的物品。\n归还时请插入原槽位。",
    "outside_schedule": "当前不在允许时段。\n开放时段：{window}",
    "factor_missing": "需要其他验证方式。\n请刷卡并输入密码；密码由管理员设置。",
    "allowance_used": "您已达到领用数量上限。\n请先归还一件。",
    "overdue_first": "请先归还已逾期的物品。",
    "item_out": "{item} 已被领出。",
    "no_item": "{slot} 号槽位没有物品。",
    "no_slot": "没有这个槽位。",
    "enter_pin": "请输入密码并按 #",
    "checking": "正在核对……",
    "wrong_pin": "工号或密码错误。",
    "locked_out": "错误次数过多。\n请 {wait_s} 秒后再试，刷卡仍可用。",
    "disabled": "此密码已锁定。\n请找管理员重设。",
    "choose": "请输入槽位号并按 #\n{slots}",
    "approve": "{item} 还需 {count} 人批准。\n批准人请刷卡，\n或输入工号并按 #",
    "may_not_approve": "您不能批准此项。\n请由其他人批准。",
    "take": "{slot} 号槽位已开，\n请取走 {item}。",
    "take_due": "{slot} 号槽位已开，\n请取走 {item}。\n归还时间 {due}",
    "taken": "{item} 已领出。",
    "taken_due": "{item} 已领出。\n归还时间 {due}",
    "returned": "{item} 已归还，谢谢。",
    "not_taken": "{slot} 号槽位已重新锁上。",
    "bolt_failed": "{slot} 号槽位未能打开。\n请重试或联系维修。",
    "not_recorded": "暂时无法记录，\n不能领取，请稍后再试。",
    "goodbye": "再见。",
    "the_item": "物品",
}
_TEXTS: dict[Language, dict[str, str]] = {"en": _ENGLISH, "zh": _CHINESE}


def text(key: str, language: Language, **values: object) -> str:
    """The message in that language; `values` fill its places. Raises KeyError for a key that does not exist."""
    return _TEXTS[language][key].format(**values)
