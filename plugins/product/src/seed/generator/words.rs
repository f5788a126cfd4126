//! The words that generated products are made of, each list from the most
//! common to the rarest.

/// Motifs of shirts: one list per category, in the order of the written catalog.
pub const MOTIFS: [[&str; 31]; 7] = [
    // City Corners
    [
        "pigeon", "lamp post", "balcony", "fountain", "doorway", "tram stop", "bridge", "kiosk",
        "rooftop", "alley cat", "staircase", "clock tower", "newsstand", "arcade", "chimney",
        "weathercock", "courtyard", "shopfront", "taxi rank", "cobblestone", "drainpipe",
        "letterbox", "statue", "bandstand", "archway", "phone box", "gargoyle", "barber pole",
        "skylight", "turnstile", "belfry",
    ],
    // Rails & Roads
    [
        "bicycle", "steam engine", "camper van", "suitcase", "signal box", "scooter",
        "milk float", "road map", "viaduct", "tandem", "timetable", "sleeper car", "tunnel",
        "crossroads", "tricycle", "ticket stub", "handcar", "caravan", "motorbike",
        "roundabout", "cable car", "petrol pump", "rucksack", "level crossing", "charabanc",
        "toll booth", "unicycle", "buffer stop", "rickshaw", "velodrome", "semaphore",
    ],
    // Harbour & Tide
    [
        "lighthouse", "gull", "anchor", "lobster", "whale", "paper boat", "heron", "compass",
        "mermaid", "rowing boat", "octopus", "herring", "tugboat", "seahorse", "oyster",
        "barnacle", "ferry", "puffin", "porthole", "sea chest", "sextant", "crab", "lifebelt",
        "fishing net", "cormorant", "capstan", "limpet", "trawler", "sandcastle", "bollard",
        "cuttlefish",
    ],
    // Café & Table
    [
        "teapot", "coffee cup", "croissant", "kettle", "lemon tart", "toaster", "salt cellar",
        "moka pot", "noodle bowl", "pancake", "frying pan", "corkscrew", "cheese board",
        "egg cup", "ladle", "pepper mill", "jam jar", "dumpling", "wooden spoon", "colander",
        "baguette", "waffle iron", "tagine", "cake stand", "pretzel", "samovar", "biscuit tin",
        "honey pot", "rolling pin", "cruet", "bain-marie",
    ],
    // Vegetable Patch
    [
        "tomato", "carrot", "pumpkin", "snail", "scarecrow", "robin", "beetroot",
        "watering can", "runner bean", "wheelbarrow", "radish", "hedgehog", "artichoke",
        "garden gate", "cabbage", "earthworm", "onion", "spade", "leek", "bumblebee", "turnip",
        "seed packet", "marrow", "parsnip", "toad", "cold frame", "chilli", "water butt",
        "fennel bulb", "dibber", "kohlrabi",
    ],
    // Night Sky
    [
        "moon", "comet", "owl", "star chart", "moth", "telescope", "planet", "bat", "lantern",
        "eclipse", "meteor", "observatory", "satellite", "firefly", "nightjar", "constellation",
        "astronaut", "moonbeam", "rocket", "aurora", "crescent", "nebula", "bonfire",
        "alarm clock", "badger", "orrery", "lunar rover", "planisphere", "zodiac", "astrolabe",
        "night watchman",
    ],
    // Music Room
    [
        "piano", "guitar", "trumpet", "violin", "drum kit", "gramophone", "accordion",
        "metronome", "cello", "jukebox", "ukulele", "cassette", "harmonica", "clarinet",
        "double bass", "songbook", "tuba", "tambourine", "microphone", "music stand", "banjo",
        "mandolin", "tuning fork", "bassoon", "harp", "xylophone", "theremin", "bagpipe",
        "glockenspiel", "hurdy-gurdy", "ophicleide",
    ],
];

/// Adjectives of motifs. None starts with a vowel, so that a template can say "a".
pub const ADJECTIVES: [&str; 63] = [
    "little", "quiet", "lucky", "beautiful", "sleepy", "crooked", "golden", "proud",
    "wandering", "silver", "gentle", "stubborn", "bright", "wild", "forgotten", "clever",
    "merry", "lonely", "handsome", "curious", "brave", "dusty", "patient", "secret", "dancing",
    "frosty", "borrowed", "rusty", "dreamy", "breezy", "peculiar", "noble", "sunlit", "wistful",
    "hungry", "velvety", "careless", "polite", "restless", "tiny", "grumpy", "tuneful",
    "famous", "dignified", "bashful", "jubilant", "rosy", "tangled", "thrifty", "dapper",
    "whistling", "dappled", "mischievous", "nimble", "sceptical", "plucky", "barefoot",
    "gallant", "moonlit", "peckish", "debonair", "lopsided", "crestfallen",
];

/// Where it was seen.
pub const PLACES: [&str; 63] = [
    "Paris", "London", "Lisbon", "Vienna", "Naples", "Kyoto", "Oslo", "Dublin", "Prague",
    "Havana", "Zürich", "Porto", "Seville", "Bergen", "Ghent", "Kraków", "Malmö", "Tangier",
    "Montréal", "Valparaíso", "Trieste", "Tallinn", "Galway", "Riga", "Cádiz", "Salzburg",
    "Dakar", "Hanoi", "Oaxaca", "Bologna", "São Paulo", "Tbilisi", "Bilbao", "Ljubljana",
    "Århus", "Cork", "İzmir", "Zadar", "Dundee", "Leipzig", "Basel", "Antwerp", "Gdańsk",
    "Reykjavík", "Cartagena", "Santiago", "Marseille", "Turin", "Nagasaki", "Penang", "Jaipur",
    "Cusco", "Halifax", "Hobart", "Dunedin", "Tromsø", "Évora", "Besançon", "Łódź", "Timișoara",
    "Plzeň", "Jönköping", "Ouarzazate",
];

/// Colours of the print, which are not the colours of the cloth. None starts with a vowel.
pub const INKS: [&str; 15] = [
    "navy", "red", "mustard", "sea green", "rust", "plum", "chalk", "cobalt", "teal", "coral",
    "brick", "saffron", "mauve", "sepia", "verdigris",
];

/// Ways of printing.
pub const PRINTS: [&str; 7] = [
    "screen-printed", "hand-printed", "stencilled", "embroidered", "block-printed", "stitched",
    "flocked",
];

/// Cloths of shirts.
pub const CLOTHS: [&str; 7] = [
    "heavy cotton", "linen", "cotton jersey", "organic cotton", "hemp", "bamboo jersey",
    "merino",
];

/// Occasions for wearing a shirt.
pub const OCCASIONS: [&str; 31] = [
    "long weekends", "Sunday breakfast", "rainy holidays", "choir practice", "village fairs",
    "the school run", "first dates", "moving house", "night shifts", "birthday picnics",
    "slow trains", "market days", "garden parties", "late buses", "museum queues",
    "band rehearsals", "camping trips", "pub quizzes", "jury duty", "jumble sales",
    "cricket matches", "harvest suppers", "chess tournaments", "ferry crossings",
    "allotment inspections", "stargazing", "bell-ringing", "karaoke", "beekeeping",
    "amateur dramatics", "regattas",
];

/// Who drew it, when a description says so.
pub const ARTISTS: [&str; 31] = [
    "Marta Oyelaran", "Jonas Wikström", "Aiko Fujimori", "Dilys Penhallow", "Tomás Arrieta",
    "Fenna Dijkgraaf", "Rashid Benmoussa", "Greta Hollenbach", "Piotr Zawadzki",
    "Noa Lichtenfeld", "Callum Abernethy", "Yara Quintanilha", "Emeka Nwachukwu",
    "Solveig Tveit", "Baptiste Corbière", "Leyla Karahan", "Owen Trevanion", "Ilse Vandamme",
    "Kofi Asamoah", "Paloma Urrutia", "Henrik Østergaard", "Zsófia Barabás", "Dara McGonigle",
    "Vikram Deshpande", "Lucía Etxeberria", "Anselm Gruber", "Thandiwe Mokoena",
    "Mirko Vuković", "Siiri Lehtonen", "Gwilym Prothero", "Catalina Ionescu",
];

/// The rarest words of all.
pub const CURIOS: [&str; 31] = [
    "oddments", "bric-a-brac", "ephemera", "marginalia", "flotsam", "curlicue", "whatnot",
    "kerfuffle", "hullabaloo", "hodgepodge", "filigree", "arabesque", "serendipity",
    "petrichor", "murmuration", "chiaroscuro", "palimpsest", "rebus", "moiré", "intaglio",
    "sgraffito", "guilloche", "penumbra", "gewgaw", "skylarking", "tiddlywinks", "widdershins",
    "gallimaufry", "quincunx", "tatterdemalion", "syzygy",
];
