"""What papers and mails speak of, by the kind of case: labour (exploitation), fraud (by telephone), goods."""

FINDINGS = {
    "labour": (
        "The lists of hours of {firm} show eight hours for every person on every day, in one handwriting.",
        "Vehicle {plate} was seen at the housing block on eleven of fourteen mornings, between 04:20 and 05:10.",
        "Three telephones share one charger address book; their call patterns end on the same day.",
        "Payments from {firm} leave the account within two hours of their arrival.",
        "The contracts are copies of one file, of which only the name was changed.",
        "The housing is let twice: once to {firm}, once by {firm} to those who work for it.",
        "No social contributions were paid for thirty-one of the forty persons on the list.",
        "Vehicle {plate} is registered to a company without employees.",
    ),
    "fraud": (
        "The site shows gains to every visitor; no order was ever sent to a market.",
        "Of 212 payments received, 197 left the account within the hour, in sums below 3,000 euros.",
        "The same recording of an office is played behind every call.",
        "The person whose account was lent to {firm} was paid 150 euros for each week.",
        "The script for callers has nine steps; the last is called the second harvest.",
        "Eleven wallets are emptied into one on Sundays, between 02:00 and 02:20 UTC.",
        "The server is rented by {firm}, paid with prepaid cards bought on one day.",
        "Two thirds of those injured were called again by a second firm that offered to get the money back.",
    ),
    "goods": (
        "The seals on the load were broken and replaced; the numbers differ from the papers in two digits.",
        "Weights at the two weighbridges differ by 1.8 tonnes on every second trip.",
        "The lorry {plate} stood for fifty minutes on a car park without any reason for a stop.",
        "The papers name {firm} as receiver, which has no storage at that address.",
        "The stamp on six papers is the same picture, to the last scratch.",
        "The load is declared as tiles; the picture of the scanner shows boxes behind two rows of tiles.",
        "The driver of {plate} called one number before and after the border, each time.",
    ),
}
OBSERVED = {
    "labour": (
        "Van arrives, rear doors opened",
        "People board, names read from a list",
        "Grey car stops, envelope handed over",
        "Loading of crates, door 3",
        "Lights on in the housing block",
        "Man with list counts people",
        "Van leaves towards the ring road",
        "Bags carried from van to block",
        "Nothing to note",
    ),
    "fraud": (
        "Callers arrive in small groups",
        "Lights on, third floor",
        "Courier leaves with a bag of cards",
        "Withdrawal at the machine, hood up",
        "Same person, second machine",
        "Parcel handed over at the door",
        "Nothing to note",
    ),
    "goods": (
        "Lorry enters, seal looked at",
        "Lorry leaves without weighing",
        "Pallets moved from lorry to van",
        "Boat at the quay, two pallets unloaded",
        "Officer and driver talk apart",
        "Load covered again",
        "Nothing to note",
    ),
}
CONCLUSIONS = {
    "labour": (
        "The observations support the statements of the workers heard so far. It is suggested to look at the fuel "
        "cards next.",
        "The pattern is regular enough to plan an action: on weekdays all persons of interest are in place at 05:15.",
        "The link between the two companies is established; who decides in the second is not.",
    ),
    "fraud": (
        "The platform and the call centre are run by the same people; the accounts are lent, not stolen.",
        "If the server and the four accounts are taken at one hour, little can be moved.",
    ),
    "goods": (
        "The loads follow one pattern: Tuesday and Friday, the same two drivers, the same lane.",
        "Two papers of ten can be shown to be forged with what is at hand; the others need the originals.",
    ),
}
QUESTIONS = {
    "labour": (
        (
            "How did you hear of the work?",
            (
                "A man came to our village. He said {firm} needs people, housing is paid, you bring only your clothes.",
                "There was an advertisement on the internet. I called, and a woman answered in our language.",
            ),
        ),
        (
            "What were you promised?",
            (
                "Nine euros an hour and a contract in the first week. The contract came after two months.",
                "Eight hours a day, Sunday free. Nobody mentioned that the road must be paid back.",
            ),
        ),
        (
            "Who kept your papers?",
            (
                "The driver took the identity cards at the border. He said it is for registration. I saw mine again "
                "today.",
                "They were in the office, in a blue folder. When I asked, they said after the season.",
            ),
        ),
        (
            "How were you brought here?",
            (
                "In a white van, plate {plate}, nine of us. Two stops, the whole night.",
                "By bus to the city and then a van, {plate}. The driver never gave his name.",
            ),
        ),
        (
            "What did you owe, and to whom?",
            (
                "They wrote {owed} euros for the road, then more for the bed. Each week the sum was higher.",
                "{owed} at first. They fined us for being late, twenty euros, and for the washing machine.",
            ),
        ),
        (
            "Describe the place where you slept.",
            (
                "A hall with beds for fourteen, one shower. In winter the heating was on for two hours.",
                "A house near the canal. Six in a room. The door was locked at ten.",
            ),
        ),
        (
            "How many hours did you work?",
            (
                "From five in the morning until it was done. Often sixteen hours. The sheets said eight.",
                "Twelve, thirteen. On Saturdays too. We signed a sheet that was empty.",
            ),
        ),
        (
            "How were you paid?",
            (
                "In an envelope, sometimes fifty, sometimes nothing. The rest goes to the debt, they said.",
                "They opened an account for me. The card stayed with them.",
            ),
        ),
        (
            "Could you leave?",
            (
                "Where to? Without papers, without money. One left, and they called his mother.",
                "They did not lock us in at the hall. But the house was locked at night.",
            ),
        ),
        (
            "Whom did you see giving orders?",
            (
                "The one they call the uncle. He comes on Fridays in a grey car and counts.",
                "A woman with the lists. She decides who goes where. She works for {firm}, I think.",
            ),
        ),
        (
            "Do you recognise anyone in the album shown to you?",
            (
                "Number four, he drove. Number seven I saw once at the office.",
                "I am not sure. Perhaps number two. It was dark.",
            ),
        ),
    ),
    "fraud": (
        (
            "How did the first contact come about?",
            (
                "I saw an interview with an economist and left my number.",
                "They called me, very polite, they knew my name.",
            ),
        ),
        (
            "What did you pay at first?",
            ("250 euros, by card. The next day it said 410 on the page.", "A small sum, {owed} euros I think."),
        ),
        (
            "Who advised you afterwards?",
            (
                "A man with a calm voice. He called every morning at ten.",
                "She said she was my personal manager at {firm}.",
            ),
        ),
        (
            "Did you install anything on your computer?",
            (
                "Yes, so that he could help me. I saw the mouse move by itself.",
                "A program for support. I did not dare to refuse.",
            ),
        ),
        (
            "How did you pay the larger sums?",
            (
                "By transfer, to an account abroad. He told me what to say to the bank.",
                "I bought coins with his help and sent them on.",
            ),
        ),
        (
            "When did you become suspicious?",
            (
                "When I wanted {owed} euros back and was told to pay tax first.",
                "My daughter looked at the page and laughed, and then she did not laugh.",
            ),
        ),
        ("Was money paid back to you?", ("Once, {owed} euros. That is why I trusted them.", "Never.")),
        (
            "Were you called again later?",
            (
                "Another firm offered to recover it all, for a fee.",
                "Yes, by someone who said he was from the police of another country.",
            ),
        ),
        (
            "Do you still have mails, pages, recordings?",
            ("Everything is on the stick that I gave you.", "The mails. He asked me to delete the rest."),
        ),
    ),
    "goods": (
        (
            "For whom do you drive?",
            ("For the haulier; the loads come by message. I never met {firm}.", "For whoever pays. Lately {firm}."),
        ),
        (
            "Which vehicle did you drive?",
            ("{plate}, always the same trailer.", "{plate}. The papers were in the door."),
        ),
        (
            "Who told you where to stop?",
            ("A man on the telephone. He said fifty minutes, not less.", "It was on a slip of paper with the load."),
        ),
        (
            "Did you weigh the load?",
            ("Once. The second time I was told to drive past.", "No. The fee was paid, the slip was ready."),
        ),
        (
            "What did you see when the doors were open?",
            ("Two rows of what the papers say, behind them boxes.", "Nothing, I was sent for coffee."),
        ),
        (
            "Who stamped the papers?",
            ("They were stamped when I got them.", "In an office at the port. The stamp lay in a drawer."),
        ),
        (
            "What were you paid?",
            ("{owed} euros more than for another trip.", "{owed} euros in an envelope, each second trip."),
        ),
        ("Who unloaded?", ("Three men I do not know. A van stood beside it.", "I only opened the doors.")),
        ("Did you speak with anyone about it?", ("With my brother. He said to stop.", "No. One does not ask.")),
    ),
}
MAILS = {
    "labour": (
        ("people for Monday", "I can send 8. They come with the night bus. Put them at the block, not at the house."),
        ("invoice corrected", "See attached, the amount is now as discussed. Please pay today and send on the rest."),
        (
            "the list",
            "New list attached. The three at the bottom asked for their papers again. Tell them after the season.",
        ),
        ("inspection?", "Someone was at the gate with a camera. From tomorrow use the other road and no logos."),
        ("re: beds", "Beds are full. If you bring more they sleep in the hall, nobody complains in summer."),
        (
            "transport cost",
            "Fuel went up so the road is 420 now. Write it in the book for everyone, also for the old ones.",
        ),
        ("account", "This account is closed from Friday. Use the one with 88 at the end, same name."),
        ("hours June", "All eight hours please. I do not want to see twelve on paper again."),
    ),
    "fraud": (
        ("script v9", "Use the new opening. Never say guarantee, say experience."),
        ("numbers for today", "420 fresh numbers, the first 100 are from the seminar list, older people, good."),
        ("cards", "Two cards are dead. Send the boy for the others and pay him after, not before."),
        ("chargebacks", "Bank asks again. Change the name on the page tonight, keep the logo."),
        ("second harvest", "Call the March ones as the recovery firm. Ten per cent in advance."),
        ("wallet", "From Sunday the new address only. Write it on paper, not in the chat."),
        ("server", "Moved. Old one stays on until Friday for the ones that are logged in."),
    ),
    "goods": (
        ("Tuesday", "Lane 4 after 22:00, he is on duty. Two rows of tiles, then the rest."),
        ("papers", "Stamp attached as picture. Print it light, it must look used."),
        ("weights", "Do not weigh at the second bridge. Pay the fee there and drive on."),
        ("receiver", "Name the receiver with the old address, nobody asks."),
        ("driver", "He wants more since the control. Give him the half now."),
        ("pallets", "44 came, 46 on paper, where are two?"),
    ),
}
