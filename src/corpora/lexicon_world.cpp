// Where and when it happens, what is eaten, how things feel and are said, and what is learned.
#include "corpora/lexicon.h"

namespace orrery::lexicon {

const char* const kWorld = R"grammar(
words opener: Once upon a time, Long ago, Many years ago, Not so long ago, A hundred years ago, In days gone by, Far from here, One spring, One summer, One autumn, One winter
words placelook: quiet, small, sleepy, crowded, windy, sunny, foggy, ancient, hidden, peaceful, green, distant, snowy, bustling, cobbled, charming,
  crooked, dusty, faraway, famous, forgotten, handsome, lonely, lovely, misty, modest, narrow, pretty, remote, rocky, sandy, secret,
  shady, tidy, tiny, warm, wealthy, wild, winding, wooded
noun settlement: village, town, city, hamlet, kingdom, valley, farm, castle, cottage, harbour, forest, meadow, mill, monastery, camp,
  garden, manor, palace, port, ranch, settlement, vineyard, country, county, oasis, marsh, clearing, hollow, burrow
words near: near, by, beside, below, beyond, behind, close to, not far from, across from, at the edge of
words landlook: blue, silver, deep, dark, great, grassy, old, steep, rolling, sparkling, stony, mossy, muddy, pine-covered, sleeping, singing,
  whispering, frozen, golden, purple, endless, gentle, jagged, lazy, murmuring, shallow, shining, sunlit, thundering, tangled
noun landmark: river, hills, mountains, sea, lake, woods, bay, brook, canal, cliff, coast, creek, desert, dunes, fields, fjord, glacier, gorge,
  heath, jungle, lagoon, lighthouse, moor, ocean, plain, pond, prairie, ravine, ridge, stream, swamp, volcano, waterfall, wetlands
words weather: sunny, rainy, cloudy, windy, foggy, frosty, breezy, bright, chilly, clear, cold, cool, crisp, damp, drizzly, dull, fine, fresh, golden, grey,
  hazy, hot, icy, mild, misty, pleasant, quiet, showery, snowy, stormy, sultry, warm, blustery, glorious, ordinary
words daypart: morning, afternoon, evening, day, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday
words every: morning, afternoon, evening, day, week, weekend, spring, summer, autumn, winter, Sunday, Saturday
words food: plum cake, apple pie, buttered toast, bean soup, berry jam, boiled eggs, carrot stew, cheese, cherry tart, chestnuts, cinnamon buns, corn bread,
  crackers, cucumber sandwiches, dumplings, fig rolls, fried potatoes, fruit salad, garlic bread, ginger biscuits, grapes, grilled fish, hazelnuts, honey cakes,
  jelly, lemon pudding, lentils, melon, muffins, mushroom pie, noodles, oatmeal, olives, onion rings, pancakes, peach cobbler, peanuts, pears,
  pickles, pineapple, pizza, popcorn, pumpkin bread, raisins, raspberries, rice pudding, roasted corn, rye bread, scones, spinach, strawberries, sweet potatoes,
  tomato salad, turnips, vanilla custard, waffles, walnuts, watermelon, wild berries, yoghurt
words drink: tea, milk, cocoa, lemonade, apple juice, mint tea, ginger ale, spring water, berry punch, buttermilk, barley water, orange juice, coconut milk, cider, grape juice, rosehip tea
words sad: sad, lonely, gloomy, tired, upset, worried, unhappy, hopeless, helpless, miserable, glum, discouraged, cross, weary, troubled, disappointed, puzzled,
  heartbroken, downcast, forlorn, restless, tearful, anxious, desperate, sorrowful, wretched, fed up, ashamed, lost, bitter
words glad: happy, glad, proud, pleased, joyful, delighted, thrilled, thankful, excited, grateful, cheerful, content, overjoyed, relieved, jubilant, merry,
  amazed, radiant, light-hearted, elated, satisfied, moved, enchanted, astonished
verb rejoice: dance all night, laugh aloud, jump for joy, clap and cheer, sing/sang a song, spin/spun in circles, hop up and down, turn somersaults,
  shout hooray, skip all the way home, giggle for an hour, cry a little, whistle a tune, twirl around, wave at the clouds, kiss the ground, wriggle with delight,
  run/ran in circles, beam like the sun, hum for days, bow to the crowd, tumble in the grass, cartwheel across the lawn, blush from ear to ear
words wanted: wanted, wished, hoped, longed, decided, planned, set out, yearned, resolved, promised
words sighed: sighed, cried, groaned, moaned, sobbed, wept, whispered, muttered, murmured, sniffed, wailed, whimpered, mumbled, grumbled
words asked: asked, called, enquired, wondered, said, cried, demanded
words answered: answered, said, replied, explained, whispered, sighed, admitted, sobbed, confessed, muttered, stammered, mumbled
words cheered: cried, cheered, shouted, called, laughed, exclaimed, sang, said, squealed, beamed
words thought: smiled, nodded, winked, laughed, grinned, blinked, thought for a moment, scratched one ear, looked around, sat down, thought hard, took a deep breath, chuckled,
  hummed, bowed, shrugged, whistled softly, clapped, listened closely, leaned forward, coughed, waited a little, stretched, straightened up, giggled, paused, closed both eyes
words toollook: old, sturdy, rusty, shiny, borrowed, strong, light, useful, trusty, spare, clean, simple, big, huge, handy, plain, fancy, second-hand,
  brand-new, slightly bent, handmade, favourite, good, decent, proper
noun seat: stone, log, stump, bench, stool, step, crate, barrel, bucket, fence, rock, wall, pillow, cushion, mat, heap of leaves, pile of hay, boulder, suitcase, bale of straw,
  kerb, haystack, mound, doorstep, toadstool, tree root, wheelbarrow, upturned pot
words slowly: sadly, quietly, softly, bitterly, silently, wearily, deeply, glumly, for a long time, for a while, all alone, without a word
words gladly: gladly, quickly, happily, bravely, carefully, eagerly, cheerfully, patiently, steadily, swiftly, proudly, calmly, cleverly, boldly, briskly,
  neatly, gently, skilfully, hurriedly, joyfully, promptly, willingly, busily, firmly, smoothly, lightly, merrily, excitedly
words sowhen: At once, Without delay, That very day, Right away, A moment later, Before long, The next day, Bit by bit, Early the next morning, By and by, An hour later,
  After a short rest, In no time, As soon as possible, Straight away, With new hope, After lunch, Before sunset, In the end
words butwhen: Sadly, However, Alas, Unfortunately, To everyone's surprise, As luck would have it, Oh no, Oh dear, Unluckily
words justthen: Just then, Soon, After a while, A little later, At last, Luckily, By chance, At noon, Before dark, Meanwhile, By good fortune, That afternoon, The next morning
words celebrate: evening, night, afternoon, Sunday, weekend, day
words partyplace: fire, window, lake, old well, garden gate, kitchen stove, river, big rock, fountain, bonfire, hearth, front door, pond, apple tree, stone bridge, hedge, market square, chapel, rose bush,
  woodshed, duck pond, church tower, bandstand, village green, terrace, veranda, balcony, summer house
words lesson: a friend makes hard work easy, it is wise to ask for help, patience brings good things, kindness always comes back, no one is too small to help, two heads are better than one,
  small steps lead far, courage grows with every try, sharing makes joy bigger, mistakes are good teachers, every problem has an answer, listening is a gift,
  good ideas can come from anyone, it is never too late to try again, a calm mind finds the way, honest words open doors, hope is stronger than fear, helping hands are everywhere,
  true wealth is a good neighbour, laughter heals many troubles, the simplest plan is often the best, giving up is the only way to fail, even heroes need rest, strangers can become friends,
  hard work tastes sweet, a smile costs nothing, dreams need a little sweat, trust is worth more than gold, great things begin quietly, curiosity opens the world
words praised: talked about it, told the tale, smiled about it, sang about them, remembered that day, praised them, clapped for them, spoke of it, heard the news, wrote it down, bragged about them, laughed and cheered
)grammar";

}  // namespace orrery::lexicon
