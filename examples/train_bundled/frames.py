"""Sentence frames for synthetic facts: how a document states one and how a reader asks for it.

Each kind of fact names the generators that fill its two slots. A statement holds {entity} and
{value} once each; a question holds {entity} once and never {value}. An entity may stand at the
start of a sentence, where the code that fills the slot capitalises it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of fact: its slot generators, the ways to state it and the ways to ask for it."""

    name: str
    entity: str
    value: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]


KINDS: tuple[Kind, ...] = (
    Kind(
        name="door_code",
        entity="building",
        value="code",
        statements=(
            (
                "Visitors who arrive after dark must key {value} into the pad beside the porch "
                "of {entity}."
            ),
            (
                "{value} opens the side gate of {entity}, though the caretaker asks that nobody "
                "write it on the wall."
            ),
            (
                "Since new locks came in spring, {entity} has answered only to the "
                "combination {value}."
            ),
            (
                '"Punch in {value} and push hard," the porter told us, "or you will never get '
                'inside {entity}."'
            ),
            "At {entity} the alarm is silenced by entering {value} within thirty seconds.",
            (
                "Staff were reminded by letter that {value} remains the keypad sequence at "
                "{entity} until further notice."
            ),
        ),
        questions=(
            "How do I get past the locked door at {entity}?",
            "What do I type to enter {entity}?",
            "{entity} entry code?",
            "I'm standing outside {entity} and it's locked, which digits or letters do I need?",
            "Tell me the door combination for {entity}.",
        ),
    ),
    Kind(
        name="shelfmark",
        entity="book",
        value="code",
        statements=(
            (
                "Readers wishing to consult {entity} should write {value} on the request slip "
                "and wait at the desk."
            ),
            (
                "In the new catalogue {entity} is listed under {value}, between two volumes of "
                "sermons."
            ),
            (
                "The librarian pencilled {value} inside the front board when {entity} joined the "
                "collection."
            ),
            (
                "Under the number {value}, misread by generations of clerks, the archive keeps "
                "its only copy of {entity}."
            ),
            "{entity}, formerly uncatalogued, now stands on the third stack as {value}.",
            "{value} is the mark by which our library knows {entity}.",
        ),
        questions=(
            "Which shelfmark has {entity}?",
            "Where in the stacks would I find {entity}?",
            "What do I write on the slip to order {entity}?",
            "{entity} call number",
            "Do you know how {entity} is catalogued?",
        ),
    ),
    Kind(
        name="serial_number",
        entity="machine",
        value="code",
        statements=(
            "Stamped into the brass plate on the back of {entity} are the characters {value}.",
            (
                "When ordering spares for {entity}, always state {value}, which is engraved "
                "beneath the oil cap."
            ),
            "{entity} left the works bearing the serial {value} and was shipped the same week.",
            (
                "The inspector noted {value} from the nameplate before passing {entity} as fit "
                "for use."
            ),
            "Although the paint has worn away, {value} can still be read on the frame of {entity}.",
            "Our insurance schedule identifies {entity} by the maker's mark {value}.",
        ),
        questions=(
            "What is the serial number on {entity}?",
            "Which identification does the plate of {entity} carry?",
            "I need to order parts for {entity}, what number should I quote?",
            "{entity} serial no.?",
            "Find the manufacturer's number of {entity}.",
        ),
    ),
    Kind(
        name="ship_registration",
        entity="ship",
        value="code",
        statements=(
            (
                "Harbour authorities entered {entity} in their ledger as {value} on the day she "
                "was bought."
            ),
            (
                "Painted in white on both bows, {value} was the only way to tell {entity} from "
                "her sisters."
            ),
            "{entity} sailed under registration {value} until the war.",
            (
                "By radio, the crew of {entity} identified themselves as {value} and asked for a "
                "pilot."
            ),
            (
                "A clerk's slip turned up last year, and it proves that {value} had been "
                "assigned to {entity}."
            ),
            "{value}, so the port office says, belongs to {entity} and to no other vessel.",
        ),
        questions=(
            "What registration did {entity} carry?",
            "How would I look up {entity} in a register of vessels?",
            "Official number of {entity}?",
            "Which letters and figures identified {entity}?",
            "Tell me what mark {entity} sailed under.",
        ),
    ),
    Kind(
        name="project_codename",
        entity="project",
        value="word",
        statements=(
            (
                "In confidential letters the committee never wrote of {entity} by name but "
                "always called it {value}."
            ),
            (
                "{entity} was known to the engineers simply as {value}, a word somebody had "
                "found in an old atlas."
            ),
            (
                '"If anyone rings about {value}," the director warned, "they mean {entity}, and '
                'you know nothing."'
            ),
            "To keep the press away, they settled on {value} for the cover name for {entity}.",
            "The minutes of June refer to {value}, which we now understand to have been {entity}.",
            "Internally {entity} went by {value} for the whole of its first year.",
        ),
        questions=(
            "Which secret name was given to {entity}?",
            "What did insiders call {entity}?",
            "{entity} code name",
            "Under what alias did {entity} run?",
            "Do you know the cover word used for {entity}?",
        ),
    ),
    Kind(
        name="project_lead",
        entity="project",
        value="person",
        statements=(
            (
                "After the reshuffle in autumn, {value} took charge of {entity} and moved the "
                "staff to a larger office."
            ),
            "{entity} answers to {value}, who reports every second Friday to the board.",
            "Responsibility for {entity} rests with {value}, as the appendix makes plain.",
            "{value} has been running {entity} since the funding came through.",
            (
                "Questions about {entity} should be put to {value}, its manager, rather than to "
                "the secretariat."
            ),
            "The trustees asked {value}, somewhat to everyone's surprise, to lead {entity}.",
        ),
        questions=(
            "Who heads {entity}?",
            "Whose job is it to direct {entity}?",
            "Who's the boss on {entity}?",
            "I need to talk to the person responsible for {entity}, who is that?",
            "{entity} project manager?",
        ),
    ),
    Kind(
        name="project_budget",
        entity="project",
        value="price",
        statements=(
            "The council set aside {value} for {entity}, to be spent over two financial years.",
            "{entity} will cost {value}, if the treasurer's forecast is to be believed.",
            "With a grant of {value}, {entity} could at last hire a full-time surveyor.",
            "Not a penny beyond {value} was approved for {entity} at the extraordinary meeting.",
            "{value} had been earmarked for {entity} before the first contractor was even chosen.",
            "Auditors confirmed last month that {entity} had drawn its full allocation of {value}.",
        ),
        questions=(
            "How much money went into {entity}?",
            "What's the budget of {entity}?",
            "{entity} funding total?",
            "What sum may {entity} spend?",
            "Tell me how expensive {entity} is.",
        ),
    ),
    Kind(
        name="project_deadline",
        entity="project",
        value="date",
        statements=(
            "Everything connected with {entity} has to be finished by {value}, the funders insist.",
            "{entity} must hand over its results no later than {value}.",
            "{value} was fixed as the closing day for {entity}, and no extension is foreseen.",
            "The contractor has until {value} to complete {entity} or pay a penalty.",
            (
                "Though some wanted more time, the steering group kept {value} as the final day "
                "of {entity}."
            ),
            "If {entity} is not delivered on {value}, the agreement lapses.",
        ),
        questions=(
            "When is {entity} due?",
            "By what day does {entity} have to be done?",
            "{entity} deadline",
            "How long do we have left, that is, when does {entity} end?",
            "What's the cut-off for {entity}?",
        ),
    ),
    Kind(
        name="birthplace",
        entity="person",
        value="town",
        statements=(
            (
                "{entity} came into the world above a bakery in {value}, the youngest of five "
                "children."
            ),
            "Baptismal rolls in {value} include the name of {entity}, child of a ropemaker.",
            "Born in {value} during a hard winter, {entity} left for the coast at sixteen.",
            "It was {value} that {entity} always thought of as home, having been born there.",
            (
                "{value} likes to remind visitors that {entity} came into the world in one of "
                "its back streets."
            ),
            "The obituary gives {value} as the native town of {entity}, contrary to family legend.",
        ),
        questions=(
            "Where was {entity} born?",
            "Which town does {entity} originally come from?",
            "Birthplace of {entity}?",
            "In what place did the life of {entity} begin?",
            "Do you know where {entity} hails from?",
        ),
    ),
    Kind(
        name="birth_date",
        entity="person",
        value="date",
        statements=(
            (
                "{entity}, according to the parish book, was born on {value} and christened a "
                "week later."
            ),
            (
                "On {value} a midwife was called out in the snow, and {entity} was delivered "
                "before dawn."
            ),
            "The passport states {value} as the date of birth of {entity}.",
            "{value} is celebrated by the society each year as the birthday of {entity}.",
            "A family Bible, now badly foxed, records the birth of {entity} under {value}.",
            (
                "The twins were not born together: {entity} arrived on {value}, the other a day "
                "afterwards."
            ),
        ),
        questions=(
            "When is the birthday of {entity}?",
            "On which day was {entity} born?",
            "{entity} date of birth",
            "How old is {entity}, or at least what's the birth date?",
            "I want to know when {entity} came into the world.",
        ),
    ),
    Kind(
        name="death_year",
        entity="person",
        value="year",
        statements=(
            (
                "{entity} died in {value}, leaving the house to a niece and the debts to "
                "everybody else."
            ),
            "By {value}, when pneumonia carried off {entity}, the workshop had long been sold.",
            "The gravestone of {entity} shows no month, only the year {value}.",
            "In {value} the town buried {entity} with more ceremony than it had shown in life.",
            "Letters from {entity} continue until {value}, the year of that fatal accident.",
            "Most biographers agree that {entity} passed away quietly in {value}.",
        ),
        questions=(
            "In which year did {entity} die?",
            "When did the life of {entity} end?",
            "Year of death, {entity}?",
            "How long did {entity} live, i.e. when was the end?",
            "Tell me when {entity} passed on.",
        ),
    ),
    Kind(
        name="occupation",
        entity="person",
        value="job",
        statements=(
            "{entity} earned a living as {value} before turning to politics.",
            "For most of those years, the census tells us, {entity} worked as {value}.",
            "Trained as {value}, {entity} never quite lost the habits of the trade.",
            "The neighbours took {entity} for {value}, and they were right.",
            '"I am {value} and nothing else," {entity} used to say when journalists asked.',
            "Before the scandal, {entity} had been employed at the castle as {value}.",
        ),
        questions=(
            "What did {entity} do for a living?",
            "What's the profession of {entity}?",
            "{entity} job?",
            "Which trade was practised by {entity}?",
            "How did {entity} make money?",
        ),
    ),
    Kind(
        name="favourite_food",
        entity="person",
        value="food",
        statements=(
            "Nothing pleased {entity} more on a Sunday than a plate of {value}.",
            "{entity} would cross the whole city, people joked, for {value}.",
            "Asked what should be served at the farewell dinner, {entity} at once said {value}.",
            "The cook kept {value} ready whenever {entity} was expected.",
            "Of all the things on the table, {entity} always reached for the {value} first.",
            (
                "According to an old friend, {entity} could live on {value} for weeks without "
                "complaint."
            ),
        ),
        questions=(
            "What did {entity} like to eat best?",
            "Which dish is the favourite of {entity}?",
            "What should I cook if {entity} comes to dinner?",
            "{entity} favourite food",
            "Do you know what meal {entity} was fond of?",
        ),
    ),
    Kind(
        name="plays_instrument",
        entity="person",
        value="instrument",
        statements=(
            "As a child {entity} learned {value} from an uncle who charged nothing.",
            (
                "{entity} took up {value} late in life and practised in the barn so as not to "
                "wake anyone."
            ),
            "In the quartet it was {entity} who played {value}, badly at first and then very well.",
            (
                "Few who met {entity} at the bank guessed that the evenings were given over to "
                "{value}."
            ),
            "They say {entity} could make {value} weep, and the whole audience with it.",
            "For {value}, the conductor wrote, there was nobody in the district to equal {entity}.",
        ),
        questions=(
            "Which musical instrument did {entity} play?",
            "What was {entity} good at in music?",
            "{entity} musician, which instrument?",
            "In the orchestra, what does {entity} play?",
            "Tell me what {entity} performs on.",
        ),
    ),
    Kind(
        name="phone_extension",
        entity="person",
        value="phone",
        statements=(
            "To reach {entity} from any desk in the building, dial {value} and let it ring.",
            "{entity} can be called on {value} between ten and noon.",
            "For urgent matters please ring {value}, where {entity} or a deputy will pick up.",
            (
                "The new directory shows {value} next to the name of {entity}, which replaces "
                "the old line."
            ),
            "Call {value} if the boiler fails, since {entity} is on duty all weekend.",
            "{entity} has moved offices but has kept extension {value}.",
        ),
        questions=(
            "What number do I dial for {entity}?",
            "How can I get {entity} on the phone?",
            "{entity} telephone?",
            "Which extension has {entity}?",
            "I need to ring {entity}, give me the line.",
        ),
    ),
    Kind(
        name="company_email",
        entity="company",
        value="email",
        statements=(
            (
                "Complaints to {entity} should be sent in writing to {value}, with a copy of the "
                "receipt."
            ),
            "{entity} reads everything that arrives at {value}, though replies may take a week.",
            "Write to {value} if you would like a printed catalogue from {entity}.",
            "For job applications {entity} uses the address {value} and no other.",
            "The leaflet gives {value} as the quickest way of getting in touch with {entity}.",
            "Anyone wishing to join the mailing list of {entity} need only drop a line to {value}.",
        ),
        questions=(
            "How do I email {entity}?",
            "What address can I write to at {entity}?",
            "{entity} contact e-mail",
            "Where should messages for {entity} go?",
            "I'd like to send {entity} a message online, what's the address?",
        ),
    ),
    Kind(
        name="founding_year",
        entity="company",
        value="year",
        statements=(
            "{entity} opened its first workshop in {value} with three looms and a borrowed cart.",
            "Set up in {value} by two cousins, {entity} soon outgrew the cellar it rented.",
            (
                "The firm's letterhead proudly shows {value}, the year in which {entity} was "
                "established."
            ),
            "It was not until {value}, long after its rivals, that {entity} came into being.",
            "In {value} a notary put his seal to the papers that created {entity}.",
            (
                "{entity} traces its origins to {value}, when a chemist began selling ink from a "
                "barrow."
            ),
        ),
        questions=(
            "When was {entity} founded?",
            "How old is the business {entity}, what year did it begin?",
            "{entity} foundation year",
            "Since when has {entity} existed?",
            "In which year did {entity} start trading?",
        ),
    ),
    Kind(
        name="company_founder",
        entity="company",
        value="person",
        statements=(
            "{value} started {entity} with a loan from an aunt and never looked back.",
            "{entity} owes its existence to {value}, a former sailor with a gift for figures.",
            "Although the sign bears other names, {entity} was founded by {value}.",
            (
                "The idea behind {entity} occurred to {value} on a train, or so the anniversary "
                "booklet claims."
            ),
            "Having quarrelled with a partner, {value} walked out and created {entity}.",
            "Shareholders still toast {value}, the founder of {entity}, at every annual dinner.",
        ),
        questions=(
            "Who set up {entity}?",
            "Whose brainchild was {entity}?",
            "Founder of {entity}?",
            "By whom was {entity} established?",
            "Which person do we have to thank for {entity}?",
        ),
    ),
    Kind(
        name="headquarters",
        entity="company",
        value="town",
        statements=(
            "{entity} runs its worldwide business from a converted tannery in {value}.",
            "The head office of {entity} moved to {value} after the flood.",
            "From {value}, where it employs most of its clerks, {entity} directs a dozen branches.",
            "{value} has been the seat of {entity} for as long as anyone remembers.",
            "Tax papers list {value} as the place where {entity} is domiciled.",
            "When {entity} left for {value}, two hundred families followed its head office.",
        ),
        questions=(
            "Where is {entity} based?",
            "In which town are the main offices of {entity}?",
            "{entity} headquarters location",
            "Where would I go to visit the management of {entity}?",
            "What is the home city of {entity}?",
        ),
    ),
    Kind(
        name="staff_number",
        entity="company",
        value="number",
        statements=(
            "{entity} has {value} people on its payroll, not counting seasonal pickers.",
            (
                "At its height the factory gave work to {value} men and women, and {entity} was "
                "the pride of the valley."
            ),
            "{value} employees now work for {entity}, the annual report states.",
            "Before the layoffs there were {value} workers at {entity}.",
            "The union counted {value} members of staff at {entity} when the strike began.",
            "With a workforce of {value}, {entity} is larger than its two competitors together.",
        ),
        questions=(
            "How many people work for {entity}?",
            "What size is the workforce of {entity}?",
            "{entity} number of employees",
            "How big is {entity} in terms of staff?",
            "Tell me the headcount at {entity}.",
        ),
    ),
    Kind(
        name="market_share",
        entity="company",
        value="percent",
        statements=(
            "Roughly {value} of all the lamps sold in the country are made by {entity}.",
            "{entity} controls {value} of the market, analysts reckon.",
            "With {value} of national sales, {entity} has overtaken its oldest rival.",
            "The share held by {entity} climbed to {value} after the merger.",
            (
                "Only {value} of the trade went to {entity} last year, a disappointing figure "
                "for its directors."
            ),
            "The regulator objected that {entity} already accounted for {value} of the sector.",
        ),
        questions=(
            "What share of the market does {entity} have?",
            "How large a part of the trade goes to {entity}?",
            "{entity} market percentage?",
            "What proportion of sales belongs to {entity}?",
            "I need the figure for how dominant {entity} is.",
        ),
    ),
    Kind(
        name="ship_captain",
        entity="ship",
        value="person",
        statements=(
            "{value} commanded {entity} on three crossings and lost not a single sailor.",
            "{entity} put to sea under {value}, whose temper was already a legend in port.",
            "On the bridge of {entity} that night stood {value}, the master.",
            "The owners of {entity} dismissed two officers and made {value} captain.",
            "It fell to {value}, as skipper, to bring {entity} home through the ice.",
            "When {entity} ran aground, her captain, {value}, was asleep below.",
        ),
        questions=(
            "Who was captain of {entity}?",
            "Who skippered {entity}?",
            "{entity} captain name",
            "Under whose command did {entity} sail?",
            "Do you know who was in charge aboard {entity}?",
        ),
    ),
    Kind(
        name="ship_launch",
        entity="ship",
        value="year",
        statements=(
            "{entity} slid down the slipway in {value} before a crowd of several thousand.",
            "Launched in {value}, {entity} was already old-fashioned when she was new.",
            "The yard built {entity} in {value} for the wool trade.",
            (
                "It was in {value}, as a brass plate by the wheel reminds us, that {entity} "
                "first floated."
            ),
            "{entity} dates from {value} and still has her original mast.",
            (
                "Of the vessels afloat today, {entity}, completed in {value}, is the last with a "
                "coal galley."
            ),
        ),
        questions=(
            "In what year was {entity} launched?",
            "When did {entity} first enter the water?",
            "{entity} built when?",
            "How old is the vessel {entity}, which year was she made?",
            "Tell me the launch year of {entity}.",
        ),
    ),
    Kind(
        name="hull_colour",
        entity="ship",
        value="colour",
        statements=(
            "Her owners had {entity} painted {value} from stem to stern.",
            "The hull of {entity} is {value}, a shade no other boat on the river has.",
            "In {value} paint, {entity} could be recognised from the lighthouse.",
            "{entity} wore {value} until the navy took her over.",
            "Below the rail {entity} was {value}, above it everything was varnished oak.",
            (
                "Fishermen swore that the boat they saw was {value}, so it can only have been "
                "{entity}."
            ),
        ),
        questions=(
            "What colour was {entity}?",
            "How was the hull of {entity} painted?",
            "{entity} colour of hull",
            "By which colour would you recognise {entity}?",
            "What did {entity} look like, what paint did she have?",
        ),
    ),
    Kind(
        name="ship_cargo",
        entity="ship",
        value="material",
        statements=(
            "{entity} was carrying {value} when she struck the reef.",
            "Deep in the hold of {entity} divers found nothing but {value}.",
            "The freight list shows that {value} made up the entire cargo of {entity}.",
            "Loaded to the hatches with {value}, {entity} made slow progress in the swell.",
            "Merchants chartered {entity} to bring {value} from the north.",
            "For eleven years {entity} carried {value} to the islands and came back empty.",
        ),
        questions=(
            "What was {entity} transporting?",
            "Which goods did {entity} have on board?",
            "Cargo of {entity}?",
            "What lay in the hold of {entity}?",
            "Tell me what freight {entity} took.",
        ),
    ),
    Kind(
        name="home_port",
        entity="ship",
        value="town",
        statements=(
            "{entity} is registered in {value}, whose arms she carries on the stern.",
            "Every November {entity} returned to {value}, where her crew had their families.",
            "The home port of {entity} has been {value} since the ferry line was sold.",
            "Though built elsewhere, {entity} belonged to {value} and wintered there.",
            "You can see {entity} at her berth in {value} on most weekdays.",
            "{value} lent {entity} its harbour, its sailors and its superstitions.",
        ),
        questions=(
            "Where is {entity} moored?",
            "From which harbour did {entity} operate?",
            "{entity} home port",
            "To what town does {entity} belong?",
            "Where would I go to see {entity} at her quay?",
        ),
    ),
    Kind(
        name="architect",
        entity="building",
        value="person",
        statements=(
            "{value} drew the plans for {entity} in a single fortnight, working by candlelight.",
            "{entity} is the work of {value}, who also designed the bridge nearby.",
            "For {entity} the burghers turned to {value}, a young and untried architect.",
            (
                "The design of {entity} has been attributed to {value} since the drawings came "
                "to light."
            ),
            "Critics mocked {value} for the narrow windows of {entity}, but the public liked them.",
            (
                "Credit for {entity} belongs to {value}, not to the contractor whose name is "
                "over the arch."
            ),
        ),
        questions=(
            "Who designed {entity}?",
            "Which architect was responsible for {entity}?",
            "Architect {entity}",
            "By whom was {entity} planned?",
            "Whose drawings were used to build {entity}?",
        ),
    ),
    Kind(
        name="steps_number",
        entity="building",
        value="number",
        statements=(
            "It takes {value} steps to climb {entity}, and there is no lift.",
            "A spiral stair of {value} steps winds up through {entity}.",
            "Children who count the stairs in {entity} always arrive at {value}.",
            "{value} stone steps lead from the crypt of {entity} to its gallery.",
            "Breathless tourists are told only at the top that {entity} has {value} stairs.",
            "The guidebook warns of {value} steep steps inside {entity}.",
        ),
        questions=(
            "How many stairs are there in {entity}?",
            "How many steps must I climb at {entity}?",
            "{entity} number of steps",
            "Count of stairs up {entity}?",
            "Is it a long climb up {entity}, how many steps?",
        ),
    ),
    Kind(
        name="roof_material",
        entity="building",
        value="material",
        statements=(
            "Unlike its neighbours, {entity} is roofed with {value}.",
            "The roof of {entity} was stripped after the fire and laid again in {value}.",
            "Builders chose {value} for the roof of {entity} because it was cheap that year.",
            "Seen from the hill, {entity} stands out by its covering of {value}.",
            "{entity} keeps out the rain with {value}, a local habit that has nearly vanished.",
            "Conservators insist that only {value} may be used to repair the top of {entity}.",
        ),
        questions=(
            "What is the roof of {entity} made of?",
            "Which material covers {entity}?",
            "{entity} roofing?",
            "With what was {entity} covered?",
            "Do you know what they put on top of {entity}?",
        ),
    ),
    Kind(
        name="opening_time",
        entity="building",
        value="time",
        statements=(
            "From Tuesday to Saturday the doors of {entity} are unlocked at {value}.",
            "{entity} lets in its first guests at {value}, except on feast days.",
            "Come before {value} and you will find {entity} shut.",
            "At {value} sharp, a bell rings and {entity} admits the public.",
            "The board outside says that {entity} opens at {value} all summer.",
            "Cleaners leave {entity} shortly before {value}, when it opens.",
        ),
        questions=(
            "{entity} opening hours?",
            "When can I get into {entity} in the morning?",
            "What time does {entity} open?",
            "How early can we visit {entity}?",
            "From when is {entity} accessible to visitors?",
        ),
    ),
    Kind(
        name="building_completed",
        entity="building",
        value="year",
        statements=(
            "Masons set the last stone of {entity} in {value}, four years behind schedule.",
            "{entity} was finished in {value} and consecrated the following spring.",
            "A carved {value} above the lintel tells us when {entity} was completed.",
            (
                "In {value}, after endless quarrels about money, {entity} finally stood under "
                "its roof."
            ),
            (
                "Historians used to date {entity} to the previous century, but timber samples "
                "point to {value}."
            ),
            "Completed in {value}, {entity} survived two sieges and one mayor.",
        ),
        questions=(
            "When was {entity} built?",
            "What year was {entity} ready?",
            "{entity} year of construction",
            "How far back does {entity} go?",
            "In which year did work on {entity} end?",
        ),
    ),
    Kind(
        name="caretaker_phone",
        entity="building",
        value="phone",
        statements=(
            "Should the heating stop, the caretaker of {entity} can be rung on {value}.",
            "Keys to {entity} are lent out on request, so please telephone {value} the day before.",
            "{entity} has a single telephone, number {value}, which hangs in the hallway.",
            "Bookings for {entity} are taken on {value} after six in the evening.",
            "Dial {value} for the front desk of {entity}.",
            "A card in the window asks callers to try {value} if {entity} looks deserted.",
        ),
        questions=(
            "What is the telephone number of {entity}?",
            "How do I call {entity}?",
            "{entity} phone",
            "I want to ring somebody about {entity}, which number?",
            "Who can I phone at {entity}, and on what line?",
        ),
    ),
    Kind(
        name="place_distance",
        entity="place",
        value="distance",
        statements=(
            "From the railway station it is {value} to {entity}, most of it uphill.",
            "{entity} lies {value} from the nearest paved road.",
            (
                "Walkers should allow a full day for the {value} that separate the village from "
                "{entity}."
            ),
            "After {value} of bad track the party reached {entity}.",
            "The signpost claims {value} to {entity}, but our odometer disagreed slightly.",
            "Measured in a straight line, {entity} is {value} away from the border.",
        ),
        questions=(
            "How far away is {entity}?",
            "What distance must one travel to reach {entity}?",
            "{entity} how far",
            "How long is the way to {entity}?",
            "Is {entity} close by, or how many miles or kilometres off?",
        ),
    ),
    Kind(
        name="place_plant",
        entity="place",
        value="plant",
        statements=(
            "In early summer the slopes around {entity} are covered with {value}.",
            "Botanists travel to {entity} for one reason only, the {value} growing there.",
            "{entity} is the last spot in the province where {value} can be found wild.",
            "Shepherds used to gather {value} at {entity} and sell it to apothecaries.",
            "Nothing but {value} will take root at {entity}, where the soil is thin.",
            "The air at {entity} smells of {value} even in October.",
        ),
        questions=(
            "What grows at {entity}?",
            "Which plant is {entity} known for?",
            "{entity} vegetation?",
            "What would a botanist look for at {entity}?",
            "Which flower or herb can be seen at {entity}?",
        ),
    ),
    Kind(
        name="place_temperature",
        entity="place",
        value="temperature",
        statements=(
            "Even in August the thermometer at {entity} rarely climbs above {value}.",
            "At {entity} the water stays at {value} all year round.",
            "A reading of {value} was taken at {entity} on the first morning of the expedition.",
            "The observers at {entity} noted {value} in the shade and complained of their tent.",
            "It was {value} when we arrived at {entity}, colder than any of us had expected.",
            "On average, says the almanac, {entity} has {value} in the growing season.",
        ),
        questions=(
            "How warm is it at {entity}?",
            "What temperature was measured at {entity}?",
            "{entity} degrees",
            "Is it cold at {entity}, what does the thermometer say?",
            "I need the climate reading for {entity}.",
        ),
    ),
    Kind(
        name="place_discoverer",
        entity="place",
        value="person",
        statements=(
            "{value} was the first outsider to set eyes on {entity}, having lost the path in fog.",
            "{entity} appears on no map before {value} described it.",
            (
                "The discovery of {entity} is usually credited to {value}, though shepherds had "
                "known it for ages."
            ),
            (
                "In a letter home, {value} announced the finding of {entity} almost as an "
                "afterthought."
            ),
            "While searching for a stray mule, {value} stumbled on {entity}.",
            "A cairn marks the spot from which {entity} was first sighted by {value}.",
        ),
        questions=(
            "Who discovered {entity}?",
            "Which explorer found {entity}?",
            "Who came upon {entity} before anybody else?",
            "{entity} discovered by?",
            "To whom do we owe the first report of {entity}?",
        ),
    ),
    Kind(
        name="place_old_name",
        entity="place",
        value="word",
        statements=(
            "Older villagers still call {entity} by its former name, {value}.",
            "On charts of the last century {entity} is marked as {value}.",
            "{value} is what the shepherds said, but surveyors wrote {entity} and so it stayed.",
            "Before the land reform {entity} was officially named {value}.",
            "The dialect word {value} means nothing today except {entity}.",
            "Travellers asking for {entity} may get blank looks unless they say {value}.",
        ),
        questions=(
            "What was {entity} called in earlier times?",
            "What other name does {entity} have?",
            "{entity} former name",
            "How do locals refer to {entity}?",
            "By which older word did people know {entity}?",
        ),
    ),
    Kind(
        name="population",
        entity="town",
        value="number",
        statements=(
            "At the last census {entity} had {value} inhabitants, fewer than a century ago.",
            "{value} souls lived in {entity} when the plague arrived.",
            "{entity} counts {value} residents, most of whom commute.",
            "With just {value} people left, {entity} lost its post office.",
            "The mayor likes to say that all {value} citizens of {entity} know one another.",
            (
                "Officially {value} persons are registered in {entity}, although many houses "
                "stand empty."
            ),
        ),
        questions=(
            "How many people live in {entity}?",
            "What is the population of {entity}?",
            "{entity} inhabitants",
            "How large is {entity}?",
            "Tell me the number of residents in {entity}.",
        ),
    ),
    Kind(
        name="town_dish",
        entity="town",
        value="food",
        statements=(
            (
                "No visit to {entity} is complete without tasting the {value} sold by the church "
                "steps."
            ),
            "{entity} is famous, at least among gourmets, for its {value}.",
            "On market days every inn in {entity} serves {value}.",
            (
                "The people of {entity} eat {value} on the eve of the feast, as their "
                "grandparents did."
            ),
            "A quarrel about the right way to make {value} once divided all of {entity}.",
            "For {value}, cooks agree, there is no better place than {entity}.",
        ),
        questions=(
            "Which speciality should I try in {entity}?",
            "What do people eat in {entity}?",
            "{entity} local dish",
            "What is {entity} famous for in the kitchen?",
            "Which food comes from {entity}?",
        ),
    ),
    Kind(
        name="town_fair",
        entity="town",
        value="date",
        statements=(
            "The great fair at {entity} is held on {value}, whatever the weather.",
            "{entity} celebrates its liberation on {value} with torches and brass bands.",
            "On {value} the streets of {entity} are closed to carts for the procession.",
            "Hotels in {entity} are fully booked around {value} because of the festival.",
            "{value} is a holiday in {entity} and nowhere else.",
            "If you can, arrange to be in {entity} for the fireworks on {value}.",
        ),
        questions=(
            "When does {entity} hold its festival?",
            "On which day is the celebration in {entity}?",
            "{entity} fair date",
            "What day should I travel to {entity} to see the festivities?",
            "Do you know the local holiday of {entity}?",
        ),
    ),
    Kind(
        name="railway_arrival",
        entity="town",
        value="year",
        statements=(
            "The railway reached {entity} in {value} and ruined the coachmen overnight.",
            (
                "Until {value}, when the first locomotive steamed in, {entity} could be reached "
                "only on foot or by mule."
            ),
            "{entity} got its station in {value}, paid for largely by the brewery.",
            "In {value} the line was extended through the gorge as far as {entity}.",
            "Trains have called at {entity} since {value}, with a short break during the strike.",
            "{value} was the year that put {entity} on the rail map.",
        ),
        questions=(
            "When did trains start running to {entity}?",
            "Since what year has {entity} been connected by rail?",
            "{entity} railway opened",
            "In which year did {entity} receive its station?",
            "How long has {entity} had a train connection?",
        ),
    ),
    Kind(
        name="twin_town",
        entity="town",
        value="town",
        statements=(
            "{entity} signed a friendship agreement with {value} after the mayors met on holiday.",
            "Choirs from {value} come to {entity} every other year under the twinning scheme.",
            "{entity} and its twin, {value}, exchange schoolchildren each May.",
            "The sign at the entrance to {entity} mentions its partner, {value}.",
            "Since the war {value} has been the sister town of {entity}.",
            "A delegation from {value} planted a lime tree in {entity} to mark their partnership.",
        ),
        questions=(
            "With which place is {entity} twinned?",
            "What is the partner town of {entity}?",
            "{entity} sister city",
            "Who has a twinning with {entity}?",
            "Name the municipality that is linked to {entity} by friendship.",
        ),
    ),
    Kind(
        name="object_weight",
        entity="object",
        value="weight",
        statements=(
            "Two men can barely lift {entity}, which weighs {value}.",
            "On the museum's scales {entity} came to {value}, packing excluded.",
            "{entity} tips the balance at {value}, so a crane was hired.",
            "The shipping note puts {entity} at {value}, and the floor had to be strengthened.",
            "Weighing {value}, {entity} was too heavy for the thieves to carry far.",
            "Experts had guessed less, yet {value} was the true weight of {entity}.",
        ),
        questions=(
            "How heavy is {entity}?",
            "What does {entity} weigh?",
            "{entity} weight",
            "How much weight is there to carry with {entity}?",
            "Find the mass of {entity}.",
        ),
    ),
    Kind(
        name="object_material",
        entity="object",
        value="material",
        statements=(
            "{entity} is carved from {value} and polished with beeswax.",
            (
                "Under the microscope {entity} proved to be {value}, not the costly stuff "
                "everyone had assumed."
            ),
            "Its maker fashioned {entity} out of {value}, using nothing but a knife.",
            "{value} was chosen for {entity} because it does not warp.",
            "Collectors long disputed what {entity} was made from until a sample showed {value}.",
            "The handle is modern, but the rest of {entity} consists of {value}.",
        ),
        questions=(
            "What is {entity} made of?",
            "Which material was used for {entity}?",
            "{entity} substance?",
            "From what did they make {entity}?",
            "What stuff does {entity} consist of?",
        ),
    ),
    Kind(
        name="object_finder",
        entity="object",
        value="person",
        statements=(
            "{value} dug up {entity} while planting potatoes behind the chapel.",
            "{entity} was found by {value}, who first took it for scrap.",
            "The finder of {entity}, {value}, refused any reward.",
            "Had {value} not looked under the floorboards, {entity} would still be lost.",
            "It was {value} who brought {entity} to the curator, wrapped in newspaper.",
            "A child called {value}, says the label, discovered {entity} on the beach.",
        ),
        questions=(
            "Who found {entity}?",
            "Who unearthed {entity}?",
            "{entity} finder",
            "By whom was {entity} recovered?",
            "Whose luck was it to come across {entity}?",
        ),
    ),
    Kind(
        name="auction_price",
        entity="object",
        value="price",
        statements=(
            "At the auction {entity} went for {value} to a bidder on the telephone.",
            "{entity} fetched {value}, three times the estimate.",
            "A dealer paid {value} for {entity} without even opening the case.",
            "The insurers have valued {entity} at {value}.",
            "For {value}, a sum that shocked the village, the vicar sold {entity}.",
            "{value} changed hands before {entity} left the shop.",
        ),
        questions=(
            "What did {entity} sell for?",
            "How much is {entity} worth?",
            "{entity} price",
            "What did the buyer pay for {entity}?",
            "How valuable is {entity} in money?",
        ),
    ),
    Kind(
        name="object_storage",
        entity="object",
        value="room",
        statements=(
            "Since the renovation {entity} has been kept in {value}, under a dust sheet.",
            "{entity} is on display in {value}, to the left of the window.",
            "You will have to ask for the key to {value} if you want to see {entity}.",
            "The curator moved {entity} from the vault to {value} for the exhibition.",
            "In {value}, behind a rope, stands {entity}.",
            "According to the inventory, {value} houses {entity} and a few broken chairs.",
        ),
        questions=(
            "Where is {entity} kept?",
            "In which room can I see {entity}?",
            "{entity} location in the museum",
            "Where have they put {entity}?",
            "Which room do I go to for {entity}?",
        ),
    ),
    Kind(
        name="event_date",
        entity="event",
        value="date",
        statements=(
            "{entity} will be held on {value}, provided the river does not rise.",
            "Invitations for {entity} went out late, because {value} was agreed only in March.",
            "On {value} the whole county turned out for {entity}.",
            "{value} saw {entity} take place under a cloudless sky.",
            "Organisers have moved {entity} to {value} on account of the election.",
            "Mark {value} in your diaries, friends, for that is the day of {entity}.",
        ),
        questions=(
            "When does {entity} take place?",
            "On what day was {entity}?",
            "{entity} date?",
            "Which day should I keep free for {entity}?",
            "Do you know when {entity} happened?",
        ),
    ),
    Kind(
        name="attendance",
        entity="event",
        value="number",
        statements=(
            "{value} spectators paid to see {entity}, according to the gate receipts.",
            "Police estimated that {value} people came to {entity}.",
            "{entity} drew a crowd of {value}, more than the field could hold.",
            "Only {value} tickets were sold for {entity}, and the band played to empty benches.",
            "Despite the rain, {entity} attracted {value} visitors.",
            "The stewards at {entity} counted {value} heads before they gave up.",
        ),
        questions=(
            "How many people attended {entity}?",
            "How big was the crowd at {entity}?",
            "{entity} attendance figure",
            "What was the turnout for {entity}?",
            "Was {entity} well visited, and by how many?",
        ),
    ),
    Kind(
        name="event_start",
        entity="event",
        value="time",
        statements=(
            "{entity} begins at {value}, with the gates closing shortly after.",
            "Please be seated before {value}, when the opening speech of {entity} is given.",
            "At {value} a cannon is fired and {entity} gets under way.",
            "The programme has {entity} starting at {value}, an hour earlier than last year.",
            "Latecomers missed the best of {entity}, which had started at {value} on the dot.",
            "Nobody told the choir that {entity} would commence at {value}.",
        ),
        questions=(
            "What time does {entity} start?",
            "At what hour do I have to be at {entity}?",
            "{entity} start time",
            "When do things kick off at {entity}?",
            "How early does {entity} get going?",
        ),
    ),
    Kind(
        name="event_venue",
        entity="event",
        value="town",
        statements=(
            "This year {entity} takes place in {value}, on the meadow by the mill.",
            "{value} won the right to host {entity} over four other candidates.",
            "The committee decided to bring {entity} to {value}.",
            "Because its usual hall burned down, {entity} was transferred to {value}.",
            "Coaches will run to {value} for all those going to {entity}.",
            "{entity} was first staged at {value} and has never left.",
        ),
        questions=(
            "Where is {entity} held?",
            "Which town hosts {entity}?",
            "{entity} venue",
            "To what place do I travel for {entity}?",
            "In which city did {entity} happen?",
        ),
    ),
    Kind(
        name="event_winner",
        entity="event",
        value="person",
        statements=(
            "{value} won {entity} by a margin that nobody could dispute.",
            "The silver cup of {entity} went to {value}, last year's runner-up.",
            "At {entity} the judges were unanimous in choosing {value}.",
            "First place in {entity} was taken by {value} after a recount.",
            "The crowd carried {value} through the streets after the victory at {entity}.",
            "To the dismay of the favourites, {entity} ended in triumph for {value}.",
        ),
        questions=(
            "Who won {entity}?",
            "Who came first in {entity}?",
            "{entity} champion",
            "Whose victory was it at {entity}?",
            "Which competitor got the prize at {entity}?",
        ),
    ),
    Kind(
        name="ticket_price",
        entity="event",
        value="price",
        statements=(
            "Admission to {entity} costs {value}, children free.",
            "For {entity} you pay {value} at the gate, cash only.",
            "Tickets to {entity} have gone up to {value}, which some regulars resent.",
            "{value} buys a seat on the grandstand at {entity}.",
            "The organisers of {entity} are asking {value} a head this season.",
            "Anyone who books {entity} in advance is charged {value}.",
        ),
        questions=(
            "How much is a ticket for {entity}?",
            "What does it cost to get into {entity}?",
            "{entity} admission fee",
            "What do I have to pay to attend {entity}?",
            "Is {entity} expensive, what's the entry charge?",
        ),
    ),
    Kind(
        name="event_duration",
        entity="event",
        value="duration",
        statements=(
            "{entity} lasted {value}, interrupted only by a burst pipe.",
            "After {value}, far longer than planned, {entity} drew to a close.",
            "Expect {entity} to take {value} from first note to last.",
            "The whole of {entity} was over in {value}.",
            "We sat on wooden benches for the {value} of {entity} without a break.",
            "Reporters with a stopwatch timed {entity} at {value} precisely.",
        ),
        questions=(
            "How long did {entity} go on?",
            "What was the length of {entity}?",
            "{entity} duration",
            "How much time should I plan for {entity}?",
            "For how long does {entity} last?",
        ),
    ),
    Kind(
        name="book_author",
        entity="book",
        value="person",
        statements=(
            "{value} wrote {entity} in a rented room above a stable.",
            "{entity} was published anonymously, but everyone knew that {value} had written it.",
            "In {entity}, which took nine years to write, {value} settles several old scores.",
            "The author of {entity} is {value}, better known as a translator.",
            "Scholars now agree that {entity} came from the pen of {value}.",
            "My copy of {entity} has been signed by its author, {value}.",
        ),
        questions=(
            "Who wrote {entity}?",
            "Who is the author of {entity}?",
            "{entity} written by",
            "Whose work is {entity}?",
            "Name the writer behind {entity}.",
        ),
    ),
    Kind(
        name="book_published",
        entity="book",
        value="year",
        statements=(
            "{entity} first appeared in {value} in an edition of two hundred copies.",
            "It took until {value} to find a publisher brave enough for {entity}.",
            "Printed in {value}, {entity} was banned within the month.",
            "Booksellers put {entity} in their windows in {value}, just ahead of Christmas.",
            "The title page of {entity} gives the year as {value}.",
            "{value} brought the long-awaited publication of {entity}.",
        ),
        questions=(
            "When was {entity} published?",
            "In which year did {entity} come out?",
            "{entity} publication year",
            "How old is {entity} as a printed work, what year?",
            "What year is on the title page of {entity}?",
        ),
    ),
    Kind(
        name="book_pages",
        entity="book",
        value="number",
        statements=(
            "{entity} runs to {value} pages, maps and index included.",
            "At {value} pages, {entity} is not something to read on the tram.",
            "The first printing of {entity} had {value} pages and dreadful margins.",
            "All {value} pages of {entity} were copied out by hand.",
            "Reviewers grumbled that {entity} needs {value} pages to say very little.",
            "There are {value} pages in {entity}, of which the last dozen are blank.",
        ),
        questions=(
            "How many pages has {entity}?",
            "How thick a volume is {entity}?",
            "{entity} page count",
            "What is the extent of {entity}?",
            "Is {entity} long to read, how many pages?",
        ),
    ),
    Kind(
        name="book_cover",
        entity="book",
        value="colour",
        statements=(
            "The first edition of {entity} was bound in {value} cloth.",
            "Look for {entity} on the lower shelf, its spine is {value}.",
            "{entity} is easily recognised by its {value} jacket.",
            "Readers knew {entity} simply as the {value} book.",
            "That {value} cover, faded by the sun, protects the family's copy of {entity}.",
            "When {entity} was reissued, the publisher kept the {value} binding.",
        ),
        questions=(
            "What colour is the cover of {entity}?",
            "How is {entity} bound?",
            "{entity} binding colour",
            "What does {entity} look like on the shelf?",
            "Which shade was picked for the jacket of {entity}?",
        ),
    ),
    Kind(
        name="animal_weight",
        entity="animal",
        value="weight",
        statements=(
            "When the vet put {entity} on the scales, they showed {value}.",
            "{entity} weighed {value} on arrival, which worried the keepers.",
            "Fully grown, {entity} reached {value} and had to be given a bigger stall.",
            "At {value}, {entity} was the heaviest creature at the show.",
            "The keepers' diary puts {entity} at {value} after a winter on hay.",
            "It took a long diet to bring {entity} down to {value}.",
        ),
        questions=(
            "How much does {entity} weigh?",
            "How heavy was the animal {entity}?",
            "{entity} body weight",
            "What did the scales say for {entity}?",
            "Tell me the weight of {entity}.",
        ),
    ),
    Kind(
        name="animal_diet",
        entity="animal",
        value="plant",
        statements=(
            "{entity} refuses all fodder except {value}, even on the hungriest days.",
            "Give {entity} a handful of {value} and it will follow you anywhere.",
            "In the wild season {entity} lives almost wholly on {value}.",
            "The keeper discovered by chance that {entity} was mad about {value}.",
            "{value}, fresh or dried, makes up the daily ration of {entity}.",
            "Once the fence broke, {entity} headed straight for the {value} behind the barn.",
        ),
        questions=(
            "What does {entity} eat?",
            "Which plant is {entity} fed with?",
            "{entity} feed",
            "What should I give {entity} as a treat?",
            "Do you know what {entity} lives on?",
        ),
    ),
    Kind(
        name="animal_keeper",
        entity="animal",
        value="person",
        statements=(
            "{entity} lets nobody near except {value}, who raised the creature by hand.",
            "For years {value} has looked after {entity}, feeding and brushing it twice a day.",
            "The care of {entity} was entrusted to {value} when the circus closed.",
            "{value} bought {entity} at a fair and could not bear to sell again.",
            "Every morning before school, {value} took {entity} down to the stream.",
            "Neighbours complained to {value}, the owner of {entity}, about the noise.",
        ),
        questions=(
            "Who takes care of {entity}?",
            "To whom does {entity} belong?",
            "{entity} owner",
            "Who is the keeper of {entity}?",
            "Whose animal is {entity}?",
        ),
    ),
    Kind(
        name="team_mascot",
        entity="team",
        value="animal",
        statements=(
            "The badge of {entity} shows {value} holding a lantern.",
            "Before each match somebody dressed as {value} runs out ahead of {entity}.",
            "{entity} adopted {value} as a mascot after a memorable away game.",
            (
                "Why {entity} should be represented by {value} is a question even the club "
                "historian cannot answer."
            ),
            "On the flags of {entity} there is {value}, stitched in gold.",
            "For luck, {entity} took {value} with them to the final.",
        ),
        questions=(
            "What is the mascot of {entity}?",
            "Which creature stands for {entity}?",
            "{entity} emblem animal",
            "What animal would I see on the shirts of {entity}?",
            "Do you know the lucky beast of {entity}?",
        ),
    ),
    Kind(
        name="team_coach",
        entity="team",
        value="person",
        statements=(
            "{value} trained {entity} for six seasons without a contract.",
            "Under {value}, {entity} learned to defend at last.",
            "The coach of {entity}, {value}, blamed the pitch.",
            "After a run of defeats {entity} brought in {value} to run training.",
            "Players of {entity} speak of {value} as of a strict but fair teacher.",
            "It was {value} who picked the line-up when {entity} won the shield.",
        ),
        questions=(
            "Who coaches {entity}?",
            "Who is in charge of training at {entity}?",
            "{entity} coach",
            "Under whom did {entity} play?",
            "Name the trainer of {entity}.",
        ),
    ),
    Kind(
        name="team_colours",
        entity="team",
        value="colour",
        statements=(
            "{entity} took the field in {value}, as tradition demands.",
            "Supporters of {entity} fill the stand with {value} scarves.",
            "The shirts of {entity} have been {value} ever since a laundry accident.",
            "In {value} jerseys, {entity} were hard to see in the fog.",
            "For away fixtures {entity} changed to {value}.",
            "The {value} strip was voted in by the members of {entity}.",
        ),
        questions=(
            "What colour do {entity} wear?",
            "Which kit colour belongs to {entity}?",
            "{entity} shirt colour",
            "How can I recognise the players of {entity}?",
            "In what colour did {entity} appear?",
        ),
    ),
    Kind(
        name="machine_temperature",
        entity="machine",
        value="temperature",
        statements=(
            "Never allow {entity} to run hotter than {value}, or the seals will melt.",
            "{entity} works best at {value}, the handbook advises.",
            "A red lamp lights up once {entity} reaches {value}.",
            "Set the dial of {entity} to {value} before adding the glaze.",
            "The fitters found that {entity} shut itself down at {value}.",
            "For safe operation {value} must be maintained inside {entity}.",
        ),
        questions=(
            "At what temperature should {entity} operate?",
            "How hot does {entity} get?",
            "{entity} temperature setting",
            "To how many degrees do I set {entity}?",
            "What heat level is right for {entity}?",
        ),
    ),
    Kind(
        name="firmware",
        entity="machine",
        value="version",
        statements=(
            "Upgrade {entity} to {value} before connecting it to the network.",
            "{entity} ships from the factory with release {value} preinstalled.",
            "The fault in {entity} was fixed in {value}, so older units should be updated.",
            "After start-up, the display of {entity} briefly shows {value}.",
            "Support for {entity} ends with version {value}.",
            "Our technicians loaded {value} onto {entity} during the night.",
        ),
        questions=(
            "What software version does {entity} run?",
            "Which release is installed on {entity}?",
            "{entity} firmware",
            "Which update do I need for {entity}?",
            "Tell me the version number for {entity}.",
        ),
    ),
    Kind(
        name="warm_up",
        entity="machine",
        value="duration",
        statements=(
            "Leave {entity} switched on for {value} before the first measurement.",
            "{entity} needs {value} to warm up, longer in winter.",
            "Only after {value} of idling is {entity} ready for work.",
            "The operator waits {value}, pours a cup of tea, and then loads {entity}.",
            "A full cycle of {entity} takes {value}, rinsing included.",
            "Allow {value} for {entity} to cool down before opening the hatch.",
        ),
        questions=(
            "How long does {entity} need?",
            "How much time must I give {entity}?",
            "{entity} waiting time",
            "For what length of time should {entity} be left alone?",
            "How many minutes or hours does {entity} require?",
        ),
    ),
    Kind(
        name="inventor",
        entity="machine",
        value="person",
        statements=(
            "{value} built the first model of {entity} from bicycle parts.",
            "{entity} was invented by {value}, who died before the patent was granted.",
            "The patent for {entity} is in the name of {value}.",
            "Without {value}, a stubborn clockmaker, there would be no {entity}.",
            "It occurred to {value} one night how {entity} could be made to work.",
            "Engineers credit {value} with the construction of {entity}.",
        ),
        questions=(
            "Who invented {entity}?",
            "Who came up with {entity}?",
            "{entity} inventor",
            "Whose invention is {entity}?",
            "Which engineer is behind {entity}?",
        ),
    ),
    Kind(
        name="machine_passphrase",
        entity="machine",
        value="word",
        statements=(
            "{entity} will not start unless the operator types {value}.",
            "To unlock the service menu of {entity}, enter {value} in small letters.",
            "Whoever set up {entity} chose {value} as its password and forgot to tell us.",
            "The password for {entity}, {value}, is taped inside the lid.",
            "Type {value} when {entity} prompts for a login.",
            "On a yellow note somebody had scribbled {value}, the magic word for {entity}.",
        ),
        questions=(
            "What is the password for {entity}?",
            "How do I log in to {entity}?",
            "{entity} passphrase",
            "Which word unlocks {entity}?",
            "I'm locked out of {entity}, what do I enter?",
        ),
    ),
    Kind(
        name="room_capacity",
        entity="room",
        value="number",
        statements=(
            "Fire rules limit {entity} to {value} persons.",
            "{entity} seats {value}, or slightly fewer with the tables out.",
            "Up to {value} guests can be accommodated in {entity}.",
            "We squeezed {value} chairs into {entity} for the lecture.",
            "For gatherings larger than {value}, do not choose {entity}.",
            "The plan shows places for {value} people in {entity}.",
        ),
        questions=(
            "How many people fit into {entity}?",
            "What is the capacity of {entity}?",
            "{entity} seating",
            "How many seats are in {entity}?",
            "Is {entity} big enough, how many can it hold?",
        ),
    ),
    Kind(
        name="room_colour",
        entity="room",
        value="colour",
        statements=(
            "The walls of {entity} were painted {value} for the royal visit.",
            "{entity} has {value} curtains and hardly any furniture.",
            "Guests remember {entity} above all for its {value} wallpaper.",
            "Decorators chose {value} for {entity} although the owner objected.",
            "Under the plaster of {entity} there is an older coat, and it is {value}.",
            "In {entity} everything, even the ceiling, is {value}.",
        ),
        questions=(
            "What colour are the walls in {entity}?",
            "How is {entity} decorated?",
            "{entity} wall colour",
            "Which paint was used in {entity}?",
            "Describe the colour scheme of {entity}.",
        ),
    ),
    Kind(
        name="wifi_room",
        entity="room",
        value="word",
        statements=(
            "Guests in {entity} can go online with the password {value}.",
            "In {entity} the wireless key is {value}, all lower case.",
            "Enter {value} to use the network in {entity}.",
            "A card on the desk in {entity} reads: wireless, {value}.",
            "The internet in {entity} asks for a word, and that word is {value}.",
            "Reception changed the wireless login for {entity} to {value} on Monday.",
        ),
        questions=(
            "What's the wifi password in {entity}?",
            "How do I get online in {entity}?",
            "{entity} internet key",
            "Which login does the network in {entity} want?",
            "I can't connect from {entity}, what do I type?",
        ),
    ),
    Kind(
        name="school_head",
        entity="school",
        value="person",
        statements=(
            "{value} became head of {entity} at the age of thirty-one.",
            "{entity} has flourished under {value}, its present headteacher.",
            "Parents should address requests for leave to {value}, who directs {entity}.",
            "Pupils at {entity} were afraid of {value}, the principal, and rightly so.",
            "The governors of {entity} appointed {value} over two internal candidates.",
            "When {value} retired from the top post at {entity}, the bells were rung.",
        ),
        questions=(
            "Who is the head of {entity}?",
            "Who runs {entity}?",
            "{entity} principal",
            "Which person leads {entity}?",
            "To whom do I write as the headteacher of {entity}?",
        ),
    ),
    Kind(
        name="school_fee",
        entity="school",
        value="price",
        statements=(
            "A year at {entity} costs {value}, uniform not included.",
            "{entity} charges {value} per term for boarders.",
            "Parents pay {value} to send a child to {entity}.",
            "The fees at {entity} rose to {value}, prompting a petition.",
            "For {value}, {entity} offers tuition, meals and a bed.",
            "Scholars are exempt, everyone else at {entity} owes {value}.",
        ),
        questions=(
            "How much are the fees at {entity}?",
            "What does it cost to study at {entity}?",
            "{entity} tuition",
            "What would I have to pay {entity} for my daughter?",
            "Is {entity} dear, and what is the charge?",
        ),
    ),
    Kind(
        name="school_bell",
        entity="school",
        value="time",
        statements=(
            "Lessons at {entity} start at {value}, and late pupils wait in the corridor.",
            "The first bell at {entity} rings at {value}.",
            "By {value} every child at {entity} must be at a desk.",
            "At {value} the yard of {entity} falls silent and the teachers call the roll.",
            "From September {entity} will begin its day at {value}.",
            "The bus is timed so that children reach {entity} before {value}.",
        ),
        questions=(
            "When do classes begin at {entity}?",
            "What time is school at {entity}?",
            "{entity} first lesson",
            "By when must pupils be at {entity}?",
            "How early do children have to be in {entity}?",
        ),
    ),
    Kind(
        name="pass_rate",
        entity="school",
        value="percent",
        statements=(
            "Last summer {value} of the candidates from {entity} passed the examination.",
            "{entity} reported that {value} of its leavers went on to university.",
            "At {entity} some {value} of the pupils gained a distinction.",
            "Inspectors found that {value} of those enrolled at {entity} finish the course.",
            "Results at {entity} have slumped to {value}, the local paper complains.",
            "With {value} of its entrants successful, {entity} leads the district.",
        ),
        questions=(
            "What share of students succeed at {entity}?",
            "How good are the results of {entity} in percent?",
            "{entity} pass rate",
            "What proportion makes it through {entity}?",
            "How successful is {entity} at getting pupils through?",
        ),
    ),
    Kind(
        name="person_office",
        entity="person",
        value="room",
        statements=(
            "{entity} works in {value}, at the end of the corridor.",
            "You will find {entity} in {value} on weekday mornings.",
            "Post for {entity} should be left in {value}.",
            "They gave {entity} the desk by the radiator in {value}.",
            "Students queue outside {value} whenever {entity} holds office hours.",
            "After the move {value} was assigned to {entity}.",
        ),
        questions=(
            "Where can I find {entity}?",
            "In which room does {entity} sit?",
            "{entity} office",
            "Where do I knock if I want to see {entity}?",
            "Which door is the one of {entity}?",
        ),
    ),
    Kind(
        name="nickname",
        entity="person",
        value="word",
        statements=(
            "Friends never said {entity} but always {value}, even at the funeral.",
            "{entity} was called {value} by the whole regiment.",
            "Among the climbers {entity} answered to the name of {value}.",
            "The nickname {value} stuck to {entity} for life.",
            "As {value}, a name given by a small brother, {entity} signed every private letter.",
            "Few people knew that {value} was really {entity}.",
        ),
        questions=(
            "What was the nickname of {entity}?",
            "What did friends call {entity}?",
            "{entity} also known as",
            "Under which other name did {entity} go?",
            "How was {entity} addressed by those close by?",
        ),
    ),
    Kind(
        name="pet",
        entity="person",
        value="animal",
        statements=(
            "{entity} kept {value} in the wash-house and fed it on scraps.",
            "In the photograph {entity} is holding {value} on a string.",
            "The neighbours grew used to seeing {entity} out walking with {value}.",
            (
                "On the steamer somebody made {entity} a present of {value}, to the horror of "
                "the purser."
            ),
            "For company through the winter {entity} had only {value}.",
            "With {value} asleep at the foot of the bed, {entity} felt quite safe.",
        ),
        questions=(
            "What pet did {entity} have?",
            "Which animal lived with {entity}?",
            "{entity} pet",
            "What creature kept {entity} company?",
            "Did {entity} own an animal, and what sort?",
        ),
    ),
    Kind(
        name="salary",
        entity="person",
        value="price",
        statements=(
            "{entity} was paid {value} a year, with coal and candles on top.",
            "The board raised the wages of {entity} to {value}.",
            "For this work {entity} received {value} and a warm coat.",
            "{value} is what {entity} takes home each month, if the tax office is right.",
            "In the account book {value} is entered against {entity} as salary.",
            "They offered {entity} {value}, which was accepted at once.",
        ),
        questions=(
            "How much did {entity} earn?",
            "What was {entity} paid?",
            "{entity} wages",
            "What sum did the work bring {entity}?",
            "How well did they pay {entity}?",
        ),
    ),
    Kind(
        name="spouse",
        entity="person",
        value="person",
        statements=(
            "{entity} married {value} in a chapel so small that the guests stood outside.",
            "In spite of both families, {value} became the spouse of {entity}.",
            "The wedding of {entity} and {value} was announced in the local gazette.",
            "{value}, to whom {entity} had been engaged for a decade, finally named the day.",
            "Widowed early, {entity} took {value} as a second partner.",
            "On a bench in the park {entity} proposed to {value} and was accepted.",
        ),
        questions=(
            "Whom did {entity} marry?",
            "Who was the wife or husband of {entity}?",
            "{entity} spouse",
            "With whom did {entity} share a marriage?",
            "Do you know the partner of {entity}?",
        ),
    ),
    Kind(
        name="arrival_time",
        entity="person",
        value="time",
        statements=(
            "{entity} stepped off the train at {value}, carrying one small bag.",
            (
                "According to the night porter, {entity} came in at {value} and went straight "
                "upstairs."
            ),
            "At {value} a taxi drew up and {entity} got out.",
            "The log shows that {entity} signed in at {value}.",
            "We had almost given up when, at {value}, {entity} appeared in the doorway.",
            "{entity} was expected for lunch but did not turn up before {value}.",
        ),
        questions=(
            "What time did {entity} arrive?",
            "When did {entity} get there?",
            "{entity} arrival",
            "At what hour was {entity} first seen?",
            "How late was it when {entity} showed up?",
        ),
    ),
    Kind(
        name="walked_distance",
        entity="person",
        value="distance",
        statements=(
            "On the first day {entity} covered {value} with a full pack.",
            "{entity} walked {value} through the snow to fetch a doctor.",
            "It was {value} to the mission, and {entity} did it barefoot.",
            "By nightfall {entity} had put {value} between the camp and the pursuers.",
            "Each week {entity} cycles {value} to teach a single class.",
            "The record of {value} set by {entity} has never been beaten.",
        ),
        questions=(
            "How far did {entity} go?",
            "What distance did {entity} travel?",
            "{entity} distance",
            "How many miles or kilometres were covered by {entity}?",
            "How long was the way that {entity} had to make?",
        ),
    ),
    Kind(
        name="feared_animal",
        entity="person",
        value="animal",
        statements=(
            "Brave in every other way, {entity} was terrified of {value}.",
            "The mere sight of {value} was enough to make {entity} leave the room.",
            "As a child {entity} had been bitten by {value} and never forgot it.",
            "{entity} painted {value} again and again but could not stand a live one.",
            "Nobody could explain why {entity} ran from {value} that morning.",
            "It was {value}, of all creatures, that stopped {entity} on the path.",
        ),
        questions=(
            "Which animal was {entity} scared of?",
            "What creature frightened {entity}?",
            "{entity} animal fear",
            "Of what beast did {entity} have a horror?",
            "Do you know which animal troubled {entity}?",
        ),
    ),
    Kind(
        name="project_version",
        entity="project",
        value="version",
        statements=(
            "{entity} made its public debut with version {value}.",
            "Anyone still using {entity} before {value} is advised to migrate.",
            "With {value}, {entity} drops support for the old file format.",
            "The stable branch of {entity} is {value} at the time of writing.",
            "Tag {value} marks the point at which {entity} changed its licence.",
            "In {value} the maintainers of {entity} removed the plugin system.",
        ),
        questions=(
            "What is the current version of {entity}?",
            "Which release of {entity} matters here?",
            "{entity} version number",
            "What should I install if I want {entity}?",
            "To which release of {entity} does the note refer?",
        ),
    ),
    Kind(
        name="project_duration",
        entity="project",
        value="duration",
        statements=(
            "{entity} was completed in {value}, holidays included.",
            "Engineers predict that {entity} will need {value}.",
            "After {value} of effort and bad luck {entity} was abandoned.",
            "The mayor promised {value} for {entity}, and for once the promise held.",
            "It took {value} to carry out {entity}, much of it spent waiting for parts.",
            "{entity} is scheduled to run for {value} from the signing of the lease.",
        ),
        questions=(
            "How long did {entity} take?",
            "How much time is planned for {entity}?",
            "{entity} time span",
            "What period was set for {entity}?",
            "For how long will {entity} keep going?",
        ),
    ),
    Kind(
        name="door_colour",
        entity="building",
        value="colour",
        statements=(
            "You cannot miss {entity}, it is the one with the {value} door.",
            "The shutters of {entity} were always {value} until the new tenants came.",
            "{entity} has been whitewashed inside, but outside it is {value}.",
            "On the orders of a duchess, {entity} was repainted in {value}.",
            "Among grey houses, the {value} front of {entity} cheers up the street.",
            "Old postcards show {entity} in {value}, quite unlike its look today.",
        ),
        questions=(
            "What colour is the outside of {entity}?",
            "How will I recognise {entity} from the street?",
            "{entity} facade colour",
            "In which colour did they paint {entity}?",
            "What does the front of {entity} look like?",
        ),
    ),
    Kind(
        name="building_donor",
        entity="building",
        value="person",
        statements=(
            "{value} left a fortune to pay for {entity}.",
            "Without the generosity of {value}, {entity} could never have been built.",
            "The money for {entity} came from {value}, who had grown rich on salt.",
            "A plaque in the lobby of {entity} thanks {value} for the gift.",
            "{entity} was paid for by {value} in memory of a lost son.",
            "When the fund ran dry, {value} stepped in and financed {entity}.",
        ),
        questions=(
            "Who paid for {entity}?",
            "Who was the benefactor of {entity}?",
            "{entity} donor",
            "Whose money built {entity}?",
            "By whom was {entity} funded?",
        ),
    ),
    Kind(
        name="object_colour",
        entity="object",
        value="colour",
        statements=(
            "{entity} turned {value} after years in the damp.",
            "Cleaned of soot, {entity} revealed itself to be {value}.",
            "Witnesses describe {entity} as {value} with a dent on one side.",
            (
                "It was {value}, the thief admitted when asked about {entity}, and it shone in "
                "the dark."
            ),
            "What made {entity} so unusual was its {value} glaze.",
            "Beneath the varnish {entity} is {value}, restorers say.",
        ),
        questions=(
            "What hue is {entity}?",
            "What shade does {entity} have?",
            "{entity} colour",
            "How would you describe the look of {entity}?",
            "Do you know in which colour {entity} comes?",
        ),
    ),
    Kind(
        name="object_year",
        entity="object",
        value="year",
        statements=(
            "{entity} was made in {value}, as a tiny stamp on the base reveals.",
            "The museum acquired {entity} in {value} from a bankrupt estate.",
            "In {value} somebody stole {entity}, and it was years before it came back.",
            "Tests have shown that {entity} cannot be older than {value}.",
            "{entity} vanished in {value} during the evacuation.",
            "Dated {value}, {entity} is the earliest piece in the cabinet.",
        ),
        questions=(
            "Which year is connected with {entity}?",
            "What year does the record give for {entity}?",
            "{entity} year",
            "When, in what year, did this happen to {entity}?",
            "I need the date in years for {entity}.",
        ),
    ),
    Kind(
        name="company_product",
        entity="company",
        value="material",
        statements=(
            "{entity} made its name by trading in {value}.",
            "Nearly everything sold by {entity} is made from {value}.",
            "For three generations {entity} has supplied {value} to boatbuilders.",
            "It was cheap {value} that allowed {entity} to undercut the competition.",
            "{entity} imports {value} by the shipload and sells it on credit.",
            "When demand for {value} collapsed, {entity} had to close a plant.",
        ),
        questions=(
            "What does {entity} deal in?",
            "Which material is the business of {entity}?",
            "{entity} main product",
            "What can one buy from {entity}?",
            "What does {entity} work with?",
        ),
    ),
    Kind(
        name="person_email",
        entity="person",
        value="email",
        statements=(
            "Please send corrections to {entity} at {value} before the proofs are printed.",
            "{entity} can be reached by e-mail under {value}, even during the holidays.",
            "Write to {value} and {entity} will put you on the guest list.",
            "The new address of {entity} is {value}, so delete the old one.",
            "Drawings should go straight to {entity} ({value}) and not to the office.",
            "Volunteers are asked to contact {value}, where {entity} collects the names.",
        ),
        questions=(
            "What is the e-mail address of {entity}?",
            "How do I write to {entity}?",
            "{entity} email",
            "Where can I send {entity} a message?",
            "I have a file for {entity}, which address should I use?",
        ),
    ),
    Kind(
        name="school_plant",
        entity="school",
        value="plant",
        statements=(
            "Children at {entity} tend a bed of {value} behind the gym.",
            "On the crest of {entity} there is a sprig of {value}.",
            "Each leaver of {entity} is given {value} to plant at home.",
            "{entity} owes its green courtyard to {value}, sown by a biology class.",
            "The biology prize at {entity} went to a study of {value}.",
            "All along the drive of {entity} somebody has planted {value}.",
        ),
        questions=(
            "Which plant belongs to {entity}?",
            "What is grown at {entity}?",
            "{entity} plant",
            "What greenery is associated with {entity}?",
            "Tell me about the plant at {entity}.",
        ),
    ),
)
