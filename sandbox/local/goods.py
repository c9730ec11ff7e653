"""What the demo shop sells: a shop for tea, food and things for the house. Prices in fen."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.catalog import Category, Details, NewProduct, NewSku

PICTURES = "https://img.example.com/jishi"

CATEGORIES = (
    Category("food", "食品茶饮", None, 1),
    Category("tea", "茗茶", "food", 1),
    Category("snack", "休闲零食", "food", 2),
    Category("grain", "粮油调味", "food", 3),
    Category("home", "居家生活", None, 2),
    Category("kitchen", "厨房餐具", "home", 1),
    Category("bedding", "床品家纺", "home", 2),
    Category("wear", "服饰箱包", None, 3),
    Category("cloth", "服装", "wear", 1),
    Category("bag", "箱包", "wear", 2),
    Category("care", "个护清洁", None, 4),
    Category("wash", "洗护用品", "care", 1),
)


@dataclass(frozen=True)
class Goods:
    """`skus`: specification text -> (price, weight in grams). `stock` of each SKU."""

    product_id: str
    category_id: str
    title: str
    subtitle: str
    dimension: str
    skus: dict[str, tuple[int, int]]
    stock: int = 200
    tags: tuple[str, ...] = ()
    no_reason_days: int = 7


GOODS = (
    Goods("longjing", "tea", "西湖龙井 明前特级", "狮峰山核心产区，豆香浓郁", "净含量",
          {"50克": (8800, 150), "125克": (19800, 260), "250克": (36800, 420)}, 300, ("新品", "拼团")),
    Goods("biluochun", "tea", "洞庭碧螺春", "花果香，一芽一叶", "净含量", {"50克": (7600, 150), "125克": (16800, 260)}, 200,
    ("新品",)),
    Goods("tieguanyin", "tea", "安溪铁观音 清香型", "兰花香，七泡有余香", "净含量", {"125克": (9900, 240), "250克": (17900,
    380)}),
    Goods("dahongpao", "tea", "武夷山大红袍", "岩骨花香，中足火", "净含量", {"100克": (12800, 220), "200克": (23800,
    340)}),
    Goods("puer", "tea", "勐海普洱熟茶饼", "五年干仓，357克", "年份", {"2019年": (15800, 420), "2021年": (11800, 420)}, 120,
    ("热卖",)),
    Goods("jasmine", "tea", "福州茉莉花茶", "七窨一提，冰糖甜", "净含量", {"100克": (5900, 180), "250克": (12900,
    360)}),
    Goods("nuts", "snack", "每日坚果 混合装", "六种坚果，独立小包", "规格", {"7袋": (3990, 260), "30袋": (12900, 900)}, 500,
    ("热卖",)),
    Goods("jerky", "snack", "内蒙古风干牛肉", "手撕，微辣", "口味", {"原味": (4980, 280), "香辣": (4980, 280)}, 300),
    Goods("mango", "snack", "泰国芒果干", "厚切软糯", "规格", {"100克": (1580, 130), "500克": (5980, 560)}, 400),
    Goods("seaweed", "snack", "夹心海苔脆", "芝麻味，儿童零食", "口味", {"芝麻": (1290, 90), "巴旦木": (1490, 90)},
    400),
    Goods("mooncake", "snack", "苏式鲜肉月饼", "现烤，冷藏寄送", "规格", {"6枚": (4500, 480), "12枚": (8500, 900)}, 80,
    no_reason_days=0),
    Goods("chestnut", "snack", "迁西甘栗仁", "去壳即食", "规格", {"100克": (990, 120), "10袋装": (8900, 1150)}, 600),
    Goods("rice", "grain", "五常大米 稻花香2号", "当季新米，真空包装", "净含量", {"2.5千克": (3990, 2600), "5千克": (7690, 5150)}, 300,
    ("热卖",)),
    Goods("oil", "grain", "压榨菜籽油", "非转基因，小榨浓香", "净含量", {"1.8升": (4590, 1900), "5升": (9990, 5200)},
    200),
    Goods("soysauce", "grain", "零添加酱油", "古法晒制180天", "规格", {"500毫升": (1990, 950), "500毫升×2": (3690, 1900)},
    300),
    Goods("vinegar", "grain", "山西老陈醋", "五年陈酿", "净含量", {"500毫升": (1580, 950), "1.5升": (3580, 1800)}, 300),
    Goods("sesame", "grain", "小磨香油", "石磨慢磨", "净含量", {"220毫升": (2480, 520), "380毫升": (3880, 800)}, 260),
    Goods("noodles", "grain", "兰州手工挂面", "劲道爽滑", "规格", {"1千克": (1690, 1050), "2千克": (2990, 2100)}, 300),
    Goods("wok", "kitchen", "章丘铁锅 手工锻打", "三万六千锤", "尺寸", {"30厘米": (26800, 2100), "32厘米": (29800, 2400)}, 90,
    ("砍价",)),
    Goods("knife", "kitchen", "阳江菜刀", "五铬钼钢，一刀两用", "款式", {"切片刀": (9900, 480), "斩切刀": (11900, 620)},
    150),
    Goods("board", "kitchen", "乌檀木砧板", "整木，不开裂", "尺寸", {"36×26厘米": (8900, 1800), "45×30厘米": (12900, 2900)},
    120),
    Goods("teaset", "kitchen", "景德镇白瓷茶具", "一壶四杯", "款式", {"素白": (16800, 1500), "青花": (18800, 1500)}, 100,
    ("新品",)),
    Goods("chopsticks", "kitchen", "鸡翅木筷子", "无漆无蜡", "规格", {"10双": (2590, 300), "20双": (4590, 580)}, 400),
    Goods("thermos", "kitchen", "316不锈钢保温杯", "24小时保温", "颜色",
          {"墨绿": (7900, 380), "米白": (7900, 380), "樱粉": (7900, 380)}, 300, ("热卖", "砍价")),
    Goods("quilt", "bedding", "桑蚕丝被", "100%长丝，春秋被", "尺寸", {"150×200厘米": (59900, 1800), "200×230厘米": (79900, 2500)},
    60),
    Goods("sheets", "bedding", "长绒棉四件套", "60支贡缎", "颜色", {"雾蓝": (32900, 2200), "浅灰": (32900, 2200)}, 100,
    ("新品",)),
    Goods("pillow", "bedding", "荞麦枕", "可调高度", "规格", {"单只": (5900, 2200), "一对": (10900, 4300)}, 160),
    Goods("towel", "bedding", "新疆长绒棉毛巾", "吸水柔软", "规格", {"2条": (2990, 260), "4条": (5490, 500)}, 500,
    ("热卖",)),
    Goods("blanket", "bedding", "牛奶绒毛毯", "午睡盖毯", "颜色", {"燕麦": (6900, 900), "豆沙": (6900, 900)}, 180),
    Goods("tee", "cloth", "重磅纯棉T恤", "260克，不透", "颜色尺码",
          {"白 M": (5900, 260), "白 L": (5900, 280), "黑 M": (5900, 260), "黑 L": (5900, 280)}, 300, ("热卖",)),
    Goods("hanfu", "cloth", "新中式马面裙", "妆花织金", "尺码", {"S": (22800, 700), "M": (22800, 720), "L": (22800, 740)}, 80,
    ("新品",)),
    Goods("socks", "cloth", "精梳棉中筒袜", "抗菌防臭", "规格", {"5双": (2490, 250), "10双": (4490, 480)}, 500),
    Goods("down", "cloth", "轻薄白鸭绒羽绒服", "可收纳", "尺码", {"M": (29900, 420), "L": (29900, 440), "XL": (29900, 460)},
    120),
    Goods("sun", "cloth", "防晒衣 UPF50+", "冰感透气", "颜色", {"浅灰": (12900, 180), "天蓝": (12900, 180)}, 200),
    Goods("canvas", "bag", "加厚帆布包", "通勤大容量", "颜色", {"本白": (6900, 500), "墨黑": (6900, 500)}, 260,
    ("拼团",)),
    Goods("luggage", "bag", "铝框拉杆箱", "静音万向轮", "尺寸", {"20寸": (39900, 3600), "24寸": (46900, 4500)}, 70),
    Goods("backpack", "bag", "防泼水双肩包", "可放15.6寸电脑", "颜色", {"深灰": (15900, 900), "藏青": (15900, 900)},
    150),
    Goods("wallet", "bag", "头层牛皮短夹", "十二卡位", "颜色", {"棕": (13900, 180), "黑": (13900, 180)}, 130),
    Goods("soap", "wash", "手工精油皂", "冷制，适合敏感肌", "香型", {"薰衣草": (2900, 120), "茶树": (2900, 120)}, 400),
    Goods("shampoo", "wash", "生姜洗发水", "控油蓬松", "净含量", {"300毫升": (4990, 420), "500毫升": (6990, 640)}, 260),
    Goods("detergent", "wash", "浓缩洗衣凝珠", "留香护色", "规格", {"30颗": (2990, 480), "60颗": (5290, 920)}, 400,
    ("热卖",)),
    Goods("toothpaste", "wash", "益生菌牙膏", "清新口气", "规格", {"1支": (1990, 170), "3支": (4990, 480)}, 500),
    Goods("handcream", "wash", "山茶花护手霜", "滋润不油", "规格", {"60克": (2590, 100), "3支装": (6590, 280)}, 300),
)  # fmt: skip


def product(goods: Goods) -> NewProduct:
    skus = tuple(
        NewSku(
            sku_id=f"{goods.product_id}-{number:02d}",
            price=price,
            spec={goods.dimension: text},
            struck_price=price * 5 // 4 // 100 * 100 if number == 1 else None,
            weight_g=weight,
        )
        for number, (text, (price, weight)) in enumerate(goods.skus.items(), 1)
    )
    images = tuple(f"{PICTURES}/{goods.product_id}-{number}.jpg" for number in (1, 2, 3))
    return NewProduct(
        product_id=goods.product_id,
        title=goods.title,
        subtitle=goods.subtitle,
        category_id=goods.category_id,
        skus=skus,
        details=Details(
            images=images,
            video=f"{PICTURES}/{goods.product_id}.mp4",
            attributes={"产地": "中国", "保质期": "见包装"},
            description=f"{goods.title}。{goods.subtitle}。",
            detail_images=(f"{PICTURES}/{goods.product_id}-detail.jpg",),
        ),
        tags=goods.tags,
        freight_template_id="standard",
        struck_price_meaning="划线价为品牌建议零售价",
        no_reason_days=goods.no_reason_days,
    )
