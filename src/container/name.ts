// A name for a container that was given none: docker's shape, words of our own.

const QUALITIES =
  "agile amber ample autumn azure bold brave breezy bright brisk calm candid cedar clever coastal copper coral crisp " +
  "curious dapper daring deft eager early earnest fabled fair fleet fluent frank fresh gentle glad golden graceful grand " +
  "hale hardy hazel hearty honest humble icy indigo ivory jaunty jolly keen kindly lively loyal lucid lunar maple mellow " +
  "merry mild misty modest nimble noble opal patient placid plucky polar prompt proud quick quiet rapid ready robust rosy " +
  "rustic sandy scarlet serene sharp silent silver sincere sleek snowy solar solid spry steady stellar sturdy sunny swift " +
  "tidy tranquil trusty upbeat valiant velvet vivid warm wily windy wise witty zesty";
const CREATURES =
  "adder albatross alpaca antelope auk avocet badger barbet bass beaver bison bittern bluejay bobcat buzzard caracal " +
  "caribou chamois cheetah chough cicada condor coot corgi cormorant cougar coyote crane cricket curlew dingo dipper dolphin " +
  "dormouse dove dunlin eagle egret eider elk ermine falcon ferret finch flamingo fox gannet gazelle gecko gibbon goldfinch " +
  "grebe grouse gull hare harrier hedgehog heron hoopoe hornet ibex ibis impala jackal jackdaw jay kestrel kingfisher kite " +
  "koala kudu lapwing lark lemur leopard linnet lynx magpie marmot marten martin mole mongoose moose moth narwhal newt " +
  "nightjar nuthatch ocelot okapi orca oriole osprey otter ouzel owl oyster panda panther partridge pelican petrel pheasant " +
  "pika pipit plover puffin puma quail quokka rabbit raven redstart robin rook salmon sandpiper seal serval shrew siskin " +
  "skua skylark sparrow squirrel starling stoat stork swallow swan swift tapir teal tern thrush tiger toucan trout turtle " +
  "urchin vole wagtail walrus warbler weasel whimbrel wigeon wolf wombat woodcock wren yak zebra";
const FIRST = QUALITIES.split(" ");
const SECOND = CREATURES.split(" ");

/** `brisk_heron`, from any non-negative integer; the caller makes sure that it is free. */
export function generateName(random: number): string {
  const quality = FIRST[random % FIRST.length] ?? "";
  const creature = SECOND[Math.floor(random / FIRST.length) % SECOND.length] ?? "";
  return `${quality}_${creature}`;
}
