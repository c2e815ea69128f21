"""The sentences from which the papers and mails of the demo case are put together."""

PAYMENTS = (
    "Transfer {firm}, invoice",
    "Wages {worker}",
    "Advance {worker}",
    "Cash withdrawal",
    "Rent, housing block C",
    "{firm}, loan back",
    "Fuel card",
    "Deduction transport",
    "Agency fee {firm}",
    "Card payment, supermarket",
    "{firm}, services June",
    "Money transfer counter",
)
INTERVIEW_OPENING = (
    "Record of interview, begun on {begun} at {place}, before officers of {authority}. The person heard is referred "
    "to by "
    "the cipher {who}; the identity is kept in a sealed annex. An interpreter was present throughout."
)
RIGHTS = (
    "The person was told that nobody had to answer, that a lawyer and an organisation for support could be present, "
    "and "
    "that what is said may be used in the proceedings of every country that is party to the team. A period for "
    "recovery and reflection was offered and explained."
)
WARRANT_GROUNDS = (
    "There are grounds to suspect that at {place} papers, telephones and carriers of data are kept which show how "
    "the acts "
    "under investigation were planned with {firm}, and where the proceeds went. The measure is necessary and "
    "proportionate; a "
    "less severe one would not reach its aim."
)
ORDERS = (
    "Search of the premises named above, with outbuildings and vehicles.",
    "Seizure of telephones, computers and carriers of data, and the making of copies in place where possible.",
    "Seizure of books, lists of hours, contracts and identity papers of third persons.",
    "Seizure of cash above 500 euros, counted and photographed in place.",
    "Attendance of the seconded members named in the annex, under the direction of the officer in charge.",
    "Attendance of the labour inspectorate, to inspect housing and hours.",
    "The sealing of rooms that cannot be searched on the same day.",
)
WARRANT_LIMITS = (
    "Between 06:00 and 21:00, within thirty days of this order. Papers of lawyers and doctors are excluded. Persons "
    "met at "
    "the place who appear to be injured by the acts are treated as witnesses and are offered support before they "
    "are heard."
)
CLAUSES = (
    "The employee starts work on the day on which transport is available.",
    "The wage is {wage} euros an hour, from which housing, transport and administration are deducted.",
    "The employee owes a fee of {fee} euros for recruitment, payable in weekly parts.",
    "Housing is provided. It ends on the day on which work ends.",
    "For reasons of safety the employer keeps the employee's papers during the season.",
    "Leaving before the end of the season makes the whole of the fee payable at once.",
    "Hours are those that the work requires.",
    "The employee does not speak with third persons about the work.",
    "Clothing is provided against a deposit.",
)
LETTER_OPENING = (
    "Dear colleague, I refer to our conversation of last week and to the agreement that our offices have signed."
)
LETTER_BODY = (
    "Please find attached the extract that you asked for. The original stays in our vault; custody is recorded there.",
    "We ask you to hear the two persons named in the annex, together with an officer of ours as seconded member.",
    "The bank has answered in part. What is missing was asked for again, with a term of ten days.",
    "The court agrees that the result is used in your proceedings, for the purpose of the agreement only.",
    "A measure on the same day in both countries would prevent that telephones are warned.",
    "For questions on the day itself the team can be reached at {tel}.",
)
LETTER_END = "I thank you for your help and remain at your disposal. Yours sincerely,"
